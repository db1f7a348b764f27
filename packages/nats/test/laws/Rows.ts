// Laws of read models between processes: no row goes back, no list is older than what was written, no table is mistaken.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { EncodedRow } from "evolvent/ReadModelStore"
import { everything, gone, row, shown, tableOf } from "../support/keeping.ts"
import { Bench, layoutOf, rowsOf } from "./Bench.ts"
import type { Breaking } from "./Bench.ts"
import { before, hearing, holding, losingFirst, numbersOf, waiting } from "./Breaks.ts"
import { equal, law } from "./Law.ts"

const isRow = (subject: string): boolean => subject.includes("_rows.")

const guarded = law(
  "Row 1 a writer that has not heard of others never lowers a row",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [slow, fast] = [(yield* rowsOf(layout)).rows, (yield* rowsOf(layout)).rows]
    const table = tableOf()
    const keys = ["a", "b", "c"]
    yield* slow.apply(
      table,
      keys.map((key) => row(key, 1))
    )
    yield* fast.apply(table, [row("a", 5), gone("b", 5), row("c", 2)])
    yield* slow.apply(table, [row("a", 3), row("b", 4), row("c", 3)])
    const did = "wrote rows of earlier positions than somebody else had written"
    const there = ["a @5", "b gone @5", "c @3"]
    yield* equal(did, shown(yield* fast.get(table, keys)).toSorted(), there)
    yield* equal(did, shown(yield* slow.get(table, keys)).toSorted(), there)
    yield* equal(`${did}, and listed`, shown(yield* fast.list(table, everything)), ["a @5", "c @3"])
    // Between its look and its write.
    let isDone = false
    const meanwhile = Effect.suspend(() => {
      if (isDone) return Effect.void
      isDone = true
      return fast.apply(table, [row("a", 9)])
    })
    const { rows } = yield* rowsOf(layout, before(isRow, meanwhile))
    yield* rows.apply(table, [row("a", 7)])
    yield* equal("wrote a row while somebody wrote a later one", shown(yield* fast.get(table, ["a"])), ["a @9"])
  })
)

const unanswered = law(
  "Row 2 a row whose answer was lost is no conflict, and what others wrote since is not undone",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const other = (yield* rowsOf(layout)).rows
    const table = tableOf()
    const one = (yield* rowsOf(layout, losingFirst(isRow, "answer", other.apply(table, [row("a", 9)])))).rows
    yield* one.apply(table, [row("a", 2)])
    yield* equal("lost the answer of a row", shown(yield* other.get(table, ["a"])), ["a @9"])
    const two = (yield* rowsOf(layout, losingFirst(isRow, "request"))).rows
    yield* two.apply(table, [row("b", 2)])
    yield* equal("lost the request of a row", shown(yield* other.get(table, ["b"])), ["b @2"])
  })
)

const dropped = law(
  "Row 3 a table that somebody else dropped takes earlier positions, whatever is remembered of its rows",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [one, two] = [(yield* rowsOf(layout)).rows, (yield* rowsOf(layout)).rows]
    const table = tableOf()
    yield* one.apply(table, [row("a", 9), row("b", 9), row("c", 9)])
    yield* two.get(table, ["a", "b"])
    yield* equal("listed", shown(yield* two.list(table, everything)), ["a @9", "b @9", "c @9"])
    yield* one.drop(table)
    yield* equal("listed what was dropped", shown(yield* two.list(table, everything)), [])
    yield* two.apply(table, [row("a", 1), gone("b", 1)])
    for (const rows of [one, two]) {
      const did = "wrote to a table that was dropped"
      yield* equal(`${did}, and listed`, shown(yield* rows.list(table, everything)), ["a @1"])
      yield* equal(did, shown(yield* rows.get(table, ["a", "b"])).toSorted(), ["a @1", "b gone @1"])
    }
  })
)

/** Lists while what was written is held back, and releases it when whoever answers too early has had time to do so. */
const listed = <E>(list: Effect.Effect<ReadonlyArray<EncodedRow>, E>, release: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const listing = yield* Effect.forkScoped(list)
    yield* Effect.timeoutOption(Fiber.await(listing), "400 millis")
    yield* release
    return shown(yield* Fiber.join(listing))
  })

const lagging = law(
  "Row 4 a list has every row that was written before it, also where its copy hears of them late",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const one = (yield* rowsOf(layout)).rows
    const table = tableOf()
    const { breaking, release } = holding(3)
    const { rows: two } = yield* rowsOf(layout, breaking)
    yield* one.apply(table, [row("a", 1), row("b", 1), row("c", 1)])
    yield* equal("listed", shown(yield* two.list(table, everything)), ["a @1", "b @1", "c @1"])
    yield* one.apply(table, [row("a", 2), gone("b", 2), row("d", 2)])
    const found = yield* listed(two.list(table, everything), release)
    yield* equal("listed what was written a moment before", found, ["a @2", "c @1", "d @2"])
  })
)

const overwritten = law(
  "Row 5 a copy that is made while rows are overwritten lacks none of them",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const one = (yield* rowsOf(layout)).rows
    const table = tableOf()
    for (const [i, key] of ["a", "b", "c"].entries()) yield* one.apply(table, [row(key, i + 1)])
    // The rows are asked how new a list must be; before the copy begins, the first of them are overwritten.
    let isDone = false
    const overwrite = Effect.suspend(() => {
      if (isDone) return Effect.void
      isDone = true
      return Effect.orDie(one.apply(table, [row("a", 8), row("b", 8)]))
    })
    const overwriting: Breaking = (jetstream) => ({
      ...jetstream,
      api: <A>(operation: string, body?: unknown) =>
        operation.startsWith("CONSUMER.CREATE.")
          ? Effect.andThen(overwrite, jetstream.api<A>(operation, body))
          : jetstream.api<A>(operation, body)
    })
    // Of what it gets the first is the row that was not overwritten: the others come late.
    const { breaking, release } = holding(1)
    const { rows: two } = yield* rowsOf(layout, (jetstream) => breaking(overwriting(jetstream)))
    const found = yield* listed(two.list(table, everything), release)
    yield* equal("listed rows that were overwritten just then", found, ["a @8", "b @8", "c @3"])
  })
)

const counted = law(
  "Row 6 what the server counts as waiting says nothing of how new a copy is",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const one = (yield* rowsOf(layout)).rows
    for (const wrong of [0, 9]) {
      const table = tableOf()
      yield* one.apply(table, [row("a", 1), row("b", 1)])
      const forging: Breaking = hearing((message) =>
        numbersOf(message) === undefined ? message : waiting(message, wrong)
      )
      const { rows } = yield* rowsOf(layout, forging)
      const did = `listed where the server says that ${wrong} are waiting`
      yield* equal(did, shown(yield* rows.list(table, everything)), ["a @1", "b @1"])
      yield* one.apply(table, [row("a", wrong + 2)])
      yield* equal(did, shown(yield* rows.list(table, everything)), [`a @${wrong + 2}`, "b @1"])
    }
  })
)

const swapped = law(
  "Row 7 a swap is seen at once by whoever had read, listed and written before",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [one, two] = [(yield* rowsOf(layout)).rows, (yield* rowsOf(layout)).rows]
    const [here, there] = [tableOf("here"), tableOf("there")]
    yield* one.apply(here, [row("a", 1)])
    yield* one.apply(there, [row("a", 2), row("b", 2)])
    yield* equal("listed", shown(yield* two.list(here, everything)), ["a @1"])
    yield* equal("read", shown(yield* two.get(here, ["a"])), ["a @1"])
    yield* one.swap(here, there)
    yield* equal("read what was swapped", shown(yield* two.get(here, ["a"])), ["a @2"])
    yield* equal("listed what was swapped", shown(yield* two.list(here, everything)), ["a @2", "b @2"])
    yield* two.apply(here, [row("b", 3)])
    yield* equal("wrote to what was swapped", shown(yield* one.list(here, everything)), ["a @2", "b @3"])
    yield* equal("wrote to what was swapped", shown(yield* one.list(there, everything)), ["a @1"])
    // The place that `here` had from the beginning is that of `there` now, and stays so when `there` is dropped.
    yield* one.drop(there)
    yield* one.swap(here, tableOf("empty"))
    yield* two.apply(there, [row("c", 1)])
    yield* two.apply(here, [row("d", 1)])
    yield* equal("swapped again", shown(yield* one.list(there, everything)), ["c @1"])
    yield* equal("swapped again", shown(yield* one.list(here, everything)), ["d @1"])
  })
)

const onItsWay = law(
  "Row 8 a row that was on its way while its table was swapped is where the table is then",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const other = (yield* rowsOf(layout)).rows
    const [here, there] = [tableOf("here"), tableOf("there")]
    let isDone = false
    const swap = Effect.suspend(() => {
      if (isDone) return Effect.void
      isDone = true
      return other.swap(here, there)
    })
    const { rows } = yield* rowsOf(layout, before(isRow, swap))
    yield* other.apply(here, [row("a", 1)])
    yield* other.apply(there, [row("a", 2)])
    yield* rows.apply(here, [row("a", 3), row("b", 3)])
    const did = "wrote rows while their table was swapped"
    yield* equal(did, shown(yield* other.list(here, everything)), ["a @3", "b @3"])
    // And so is what is read.
    let isMoved = true
    const again = Effect.suspend(() => {
      if (isMoved) return Effect.void
      isMoved = true
      return Effect.orDie(other.swap(here, there))
    })
    const { rows: reader } = yield* rowsOf(layout, (jetstream) => ({
      ...jetstream,
      last: (stream, subject) =>
        isRow(subject)
          ? Effect.tap(jetstream.last(stream, subject), () => again)
          : Effect.andThen(isMoved ? Effect.void : Effect.sleep(30), jetstream.last(stream, subject))
    }))
    yield* reader.get(here, ["a"])
    isMoved = false
    const reading = yield* Effect.forkScoped(reader.get(there, ["a"]))
    const found = shown(yield* Fiber.join(reading))
    yield* equal("read a row while its table was swapped", found, shown(yield* other.get(there, ["a"])))
  })
)

const kinds = law(
  "Row 9 a row is kept exactly, with the values of its indexes, or refused before anything is sent",
  Effect.gen(function* () {
    const { backend } = yield* Bench
    const layout = yield* layoutOf()
    const [one, two] = [(yield* rowsOf(layout)).rows, (yield* rowsOf(layout)).rows]
    const table = tableOf()
    const index = {
      minus: -0,
      far: -Infinity,
      big: -(10n ** 40n),
      half: "\ud800",
      text: "  line\r\nline\u2028 é😀 ",
      yes: true,
      "a: b\r\nC: d": "injected"
    }
    const odd = { ...row("\r\n. > *", 7), row: ` {\n\t"a" : "\u2028\u0000 😀"  }\r\n`, index }
    yield* one.apply(table, [odd])
    const show = (values: object) =>
      Object.entries(values).map(([field, value]) => `${field} ${Object.is(value, -0) ? "-0" : String(value)}`)
    for (const [found] of [yield* two.get(table, [odd.key]), yield* two.list(table, everything)]) {
      yield* equal("wrote an odd row", found?.row, odd.row)
      yield* equal("wrote odd indexes", show(found?.index ?? {}), show(index))
    }
    const { maxPayload } = yield* (yield* rowsOf(layout)).jetstream.client.server
    const refused = [
      row("k".repeat(2000), 1),
      row("\ud800", 1),
      { ...row("a", 1), row: `"\ud800"` },
      { ...row("a", 1), row: "é".repeat(maxPayload / 2) },
      row("a", 1, { text: "x".repeat(70_000) })
    ]
    for (const bad of refused) {
      const ended = yield* Effect.result(one.apply(table, [row("good", 1), bad]))
      const tag = ended._tag === "Success" ? "written" : ended.failure.reason._tag
      yield* equal("wrote what there is no room for", tag, "UnstorableRow")
      yield* equal("wrote what there is no room for", yield* one.get(table, ["good"]), [])
    }
    const room = { maxPayload, prefix: 10 }
    const large = { ...row("a", 1), row: "x".repeat(maxPayload - 300) }
    const made = backend.readModelRow.encode(large, room)
    yield* equal("made a row of almost as many bytes", made._tag, "Failure")
  })
)

/** Laws of read models. */
export const rows: ReadonlyArray<Law<Bench>> = [
  guarded,
  unanswered,
  dropped,
  lagging,
  overwritten,
  counted,
  swapped,
  onItsWay,
  kinds
]
