// Broken read models: rows that go back, copies that answer too early, places of tables that are believed for too long.
import type { Mutant } from "./Mutant.ts"

const rows_ = "internal/readModelRows.ts"
const row = "internal/readModelRow.ts"
const copy = "internal/readModelCopy.ts"
const store = "internal/readModelStore.ts"
const tables = "internal/readModelTables.ts"

/** Broken read models. */
export const rows: ReadonlyArray<Mutant> = [
  {
    law: "Row 1",
    breaks: "a row is written whatever position it was true at",
    by: [[rows_, "if (there.position <= position) {", "if (true) {"]]
  },
  {
    law: "Row 1",
    breaks: "a row is written though another one stands there by now",
    by: [
      [
        rows_,
        "bucket.set(at, value, there.revision, isMine, headers)",
        "bucket.set(at, value, undefined as never, isMine, headers)"
      ]
    ]
  },
  {
    law: "Row 2",
    breaks: "a row whose answer was lost is not asked for again",
    by: [["internal/bucket.ts", "return patiently(once).pipe(", "return once.pipe("]]
  },
  {
    law: "Row 2",
    breaks: "what stands there after a lost answer is overwritten",
    by: [[rows_, "        there = yield* look(at)\n", "        there = { ...(yield* look(at)), position: -1 }\n"]]
  },
  {
    law: "Row 3",
    breaks: "the position that was seen last is believed",
    by: [[rows_, "} else if (isFresh) return remember(at, there)", "} else return remember(at, there)"]]
  },
  {
    law: "Row 3",
    breaks: "a copy does not hear that its table was dropped",
    by: [[copy, "if (message.subject === cleared) clear()", ""]]
  },
  {
    law: "Row 3",
    breaks: "a removed row leaves no position",
    by: [
      [
        row,
        "if (value === undefined) return Result.succeed({ token: token.success, position, value, headers: place })",
        "if (value === undefined) return Result.succeed({ token: token.success, position, value, headers: [] })"
      ]
    ]
  },
  {
    law: "Row 4",
    breaks: "a copy answers before it has caught up",
    by: [[copy, "if (exact >= sequence || rounds === enough) {", "if (reached > 0) {"]]
  },
  {
    law: "Row 4",
    breaks: "a list does not ask how new it must be",
    by: [[store, "copy.look(last.sequence, (all)", "copy.look(1, (all)"]]
  },
  {
    law: "Row 5",
    breaks: "a copy that has come as far as it had to is believed to be whole",
    by: [[copy, "if (exact >= sequence || rounds === enough) {", "if (reached >= sequence) {"]]
  },
  {
    law: "Row 6",
    breaks: "a copy waits for as many as the server counts",
    by: [["internal/feed.ts", "(isOver || !isMore || isIdle)", "(isOver || !isMore)"]]
  },
  {
    law: "Row 7",
    breaks: "the place of a table is looked up once",
    by: [[store, "if (place === from) return answer\n        }", "return answer\n        }"]]
  },
  {
    law: "Row 7",
    breaks: "rows are written to where their table stood last",
    by: [
      [
        tables,
        "const place = (yield* read).of(table)\n        if (place !== undefined) return place",
        "const place = seen.of(table)\n        if (place !== undefined) return place"
      ],
      [store, "if ((yield* tables.read).of(table) === place) return", "return"]
    ]
  },
  {
    law: "Row 7",
    breaks: "a table whose place another one has stands there as well",
    by: [[tables, "return Object.values(entries).includes(place) ? undefined : place", "return place"]]
  },
  {
    law: "Row 8",
    breaks: "where a table stands is not asked again once rows are written",
    by: [[store, "if ((yield* tables.read).of(table) === place) return", "return"]]
  },
  {
    law: "Row 9",
    breaks: "a zero has no sign",
    by: [
      [
        row,
        'if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return [field, value]',
        'if (typeof value !== "number" || Number.isFinite(value)) return [field, value]'
      ]
    ]
  },
  {
    law: "Row 9",
    breaks: "the size of a row is that of its characters",
    by: [["internal/bucket.ts", 'Buffer.byteLength(value ?? "")', '(value ?? "").length']]
  },
  {
    law: "Row 9",
    breaks: "what indexes take is not counted",
    by: [[row, "if (indexBytes > maxIndexBytes) {", "if (false) {"]]
  },
  {
    law: "Row 9",
    breaks: "half of a character is kept as one that is not known",
    by: [[row, "if (!value.isWellFormed())", "if (false)"]]
  },
  {
    law: "Row 1",
    breaks: "a row that was removed later comes back",
    by: [
      [
        rows_,
        "return Result.isSuccess(found) ? (found.success?.position ?? -1) : -1",
        "return Result.isSuccess(found) && found.success?.row !== undefined ? found.success.position : -1"
      ]
    ]
  },
  {
    law: "ReadModelStore 8",
    breaks: "dropping a table leaves its rows",
    by: [[store, "yield* jetstream.purge(bucket.stream, `${prefixOf(place)}>`, mark.sequence)", ""]]
  },
  {
    law: "ReadModelStore 7",
    breaks: "versions of a table stand at one place",
    by: [
      [tables, "`${version}@${name}`", "`${name}`"],
      [tables, "${shown}_${table.version}_${hash}", "${shown}_${hash}"],
      [tables, "({ name, version }: Table)", "({ name }: Table)"]
    ]
  }
]
