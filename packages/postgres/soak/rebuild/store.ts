// store: fills the store before the rebuild, and compares the rows with the fold of the log after it.
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import type { Random } from "../random.ts"
import { Counter, counts, marks } from "./domain.ts"

// So many events of a counter stand together: a page of the feed has many keys, as in life.
const together = 10

/** Stores events, spread over all counters. */
export const fill = Effect.fnUntraced(function* (
  events: number,
  counters: number,
  random: Random,
  tell: (stored: number) => void
) {
  const store = yield* EventStore
  const appends = Math.ceil(events / together)
  let done = 0
  yield* Effect.forEach(
    Array.from({ length: appends }, (_, i) => i),
    (i) => {
      const data = Array.from({ length: Math.min(together, events - i * together) }, () => ({
        type: "Added",
        data: { n: random.between(1, 100) }
      }))
      return Effect.map(store.append(StreamName.make(Counter.name, String(i % counters)), data), () => {
        done += data.length
        if (done % 50_000 < together) tell(done)
      })
    },
    { concurrency: 64, discard: true }
  )
})

/** How many rows are not what folding the log by the new definition gives. */
export const compare = Effect.fnUntraced(function* (tell: (problem: string) => void) {
  const store = yield* EventStore
  const definition = counts(marks.new)
  const expected = new Map(yield* Projection.fold(definition, store.read(definition.filter)))
  let wrong = 0
  const differs = (key: string, row: unknown, should: unknown) => {
    if (JSON.stringify(row) === JSON.stringify(should)) return
    wrong += 1
    tell(`the row "${key}" is ${JSON.stringify(row)}, but the fold gives ${JSON.stringify(should)}`)
  }
  let after: ReadModel.Cursor | undefined
  do {
    const page: ReadModel.Page<ReadModel.Entry<unknown>["row"]> = yield* ReadModel.list(definition, {
      limit: 1000,
      after
    })
    for (const { key, row } of page.rows) {
      differs(key, row, expected.get(key))
      expected.delete(key)
    }
    after = page.next
  } while (after !== undefined)
  for (const [key, row] of expected) differs(key, undefined, row)
  return wrong
})
