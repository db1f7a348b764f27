// Broken changes of several documents: carried out before they are decided, decided twice, forgotten before they are carried out.
import type { Mutant } from "./Mutant.ts"

const all = "internal/commitAll.ts"
const settling = "internal/settling.ts"

/** Broken commits. */
export const commits: ReadonlyArray<Mutant> = [
  {
    law: "Commit 1",
    breaks: "what waits is written as if it had been decided",
    by: [
      [
        all,
        "{ value: part.base.value, pending: { tx, value: part.value } }",
        "{ value: part.value, pending: { tx, value: part.value } }"
      ]
    ]
  },
  {
    law: "Commit 1",
    breaks: "each document is changed on its own",
    by: [
      [
        all,
        "{ value: part.base.value, pending: { tx, value: part.value } }",
        "{ value: part.value, pending: undefined }"
      ]
    ]
  },
  {
    law: "Commit 1",
    breaks: "the verdict is forgotten as soon as it is given",
    by: [
      [
        all,
        "    let isCarriedOut = true\n",
        "    let isCarriedOut = true\n    yield* jetstream.purge(bucket.stream, bucket.prefix + verdict)\n"
      ]
    ]
  },
  {
    law: "Commit 1",
    breaks: "what was left undecided stays so",
    by: [[settling, "const patience = 2000", "const patience = 200_000"]]
  },
  {
    law: "Commit 1",
    breaks: "who meets a document whose change was decided takes it for undone",
    by: [
      [
        settling,
        "return Effect.succeed({ value: pending.value, revision, by, undecided: undefined })",
        "return Effect.succeed({ value, revision, by, undecided: undefined })"
      ]
    ]
  },
  {
    law: "Commit 2",
    breaks: "a change that waits is seen before it is decided",
    by: [
      [
        settling,
        "? Effect.succeed({ value, revision, by, undecided: pending.tx })",
        "? Effect.succeed({ value: pending.value, revision, by, undecided: pending.tx })"
      ]
    ]
  },
  {
    law: "Commit 2",
    breaks: "who was decided against decides all the same",
    by: [[all, "bucket.set(verdict, committed, never,", "bucket.set(verdict, committed, undefined as never,"]]
  },
  {
    law: "Commit 2",
    breaks: "who was decided against believes that it has decided",
    by: [[all, "if (decided === undefined) {", "if (false) {"]]
  },
  {
    law: "Commit 3",
    breaks: "who decides against others does so whatever they have decided",
    by: [
      [
        settling,
        "bucket.set(verdictOf(undecided), aborted, never,",
        "bucket.set(verdictOf(undecided), aborted, undefined as never,"
      ]
    ]
  },
  {
    law: "Commit 4",
    breaks: "a verdict whose answer was lost is somebody else's",
    by: [[all, "({ value }) => value === committed)", "() => false)"]]
  },
  {
    law: "Commit 4",
    breaks: "a document whose answer was lost is somebody else's",
    by: [[all, "(entry) => storedOf(entry)?.by[0] === id", "() => false"]]
  },
  {
    law: "Commit 5",
    breaks: "where no verdict is any more there was none",
    by: [[settling, "again?.revision === revision", "true"]]
  },
  {
    law: "Commit 5",
    breaks: "verdicts are never forgotten",
    by: [[all, "if (isCarriedOut) yield* forget", ""]]
  },
  {
    law: "Commit 6",
    breaks: "a verdict is forgotten though a document waits for it",
    by: [[all, "if (isCarriedOut) yield* forget", "yield* forget"]]
  },
  {
    law: "Commit 7",
    breaks: "a document that changed meanwhile is overwritten",
    by: [[all, "put(part, waits, part.base.revision)", "put(part, waits, undefined as never)"]]
  },
  {
    law: "Commit 7",
    breaks: "who finds a document changed leaves the others waiting",
    by: [[all, "      if (known === undefined) {\n        yield* undo\n", "      if (known === undefined) {\n"]]
  }
]
