// Broken readers: pages that end in the wrong place, filters that lose categories, tails that are deaf or trust too long.
import type { Mutant } from "./Mutant.ts"

const feed = "internal/readFeed.ts"
const sql = "internal/sql/readFeed.ts"
const tail = "internal/tail.ts"

const pages: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 9.1",
    breaks: "a full page goes through to the end of its window",
    by: [[feed, "isFull ? (events.at(-1)?.position ?? high) : high < low ? safe : high", "high < low ? safe : high"]]
  },
  {
    law: "Feed 2",
    breaks: "a full page, backwards, goes through to the end of its window",
    by: [[feed, "isFull ? (events.at(-1)?.position ?? low) : Math.max(", "Math.max("]]
  },
  {
    law: "Feed 1",
    breaks: "a read ends with its first window",
    by: [[feed, "done: !isFull && high >= safe && (isFresh || follows)", "done: !isFull && (isFresh || follows)"]]
  },
  {
    law: "Feed 1",
    breaks: "a read ends with its first window, backwards",
    by: [[feed, "done: !isFull && low <= 1", "done: !isFull"]]
  },
  {
    law: "Feed 1",
    breaks: "behind a hole the first event is left out",
    by: [[feed, "?? high + 1) - 1", "?? high + 1)"]]
  },
  {
    law: "Feed 2",
    breaks: "of several categories the first is enough",
    by: [[sql, "e.category = ANY (${categories})", "e.category = (${categories})[1]"]]
  },
  {
    law: "Feed 2",
    breaks: "a filter of categories gives all",
    by: [[sql, "e.category = ANY (${categories})", "${categories} IS NOT NULL"]]
  },
  {
    law: "Feed 2",
    breaks: "of some categories a page is read in the other order, backwards",
    by: [[sql, "${directions[direction].order}", '${of === "some" ? "ASC" : directions[direction].order}']]
  },
  {
    law: "Feed 2",
    breaks: "where one category has types, the others are read by those",
    by: [[sql, "e.category = ANY (${whole}) OR ", ""]]
  }
]

const tails: ReadonlyArray<Mutant> = [
  {
    law: "Tail 1",
    breaks: "the tail waits for notifications, and does not look by itself",
    by: [
      [
        tail,
        "yield* Effect.timeoutOption(Queue.take(wakeUp.signals), pause)",
        "yield* Effect.asSome(Queue.take(wakeUp.signals))"
      ]
    ]
  },
  {
    law: "Tail 2",
    breaks: "nobody is notified of an append",
    by: [["internal/wakeUp.ts", "      isDue = true\n      if (isNotifying) return", "      return"]]
  },
  {
    law: "Tail 3",
    breaks: "what the tail has seen holds for ever, also behind a connection that was lost",
    by: [
      [tail, "Effect.tapError(() => Effect.sync(() => publish(-1)))", "Effect.tapError(() => Effect.void)"],
      [tail, "Effect.catchCause(look, () => Effect.sync(() => publish(-1)))", "Effect.ignore(look)"]
    ]
  }
]

/** Broken readers. */
export const reads: ReadonlyArray<Mutant> = [...pages, ...tails]
