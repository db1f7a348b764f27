// How our peers append, seed and load, on whichever backend: through the event store and aggregates, as applications do.
import * as Effect from "effect/Effect"
import * as Aggregate from "evolvent/Aggregate"
import type { EventData } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { category, dataAt, Ledger, typeAt } from "../ledger.ts"
import { makeCallers, seedTurns } from "./callers.ts"
import type { Caller, SeedAppend } from "./callers.ts"
import type { AppendFor, LoadFor, Seed } from "./protocol.ts"
import { start } from "./stopwatch.ts"

const eventsAt = (event: number, count: number): ReadonlyArray<EventData> =>
  Array.from({ length: count }, (_, i) => ({ type: typeAt(event + i), data: dataAt(event + i) }))

const expectedAt = (revision: number | undefined) => {
  if (revision === undefined) return "any"
  return revision === 0 ? "noStream" : Revision.make(revision - 1)
}

const streamOf = (name: string): StreamName.StreamName => StreamName.make(category, name.slice(category.length + 1))

const appendNext = Effect.fnUntraced(function* (store: EventStore["Service"], next: Caller, batch: number) {
  const { event, revision, stream } = next()
  yield* store.append(streamOf(stream), eventsAt(event, batch), { expected: expectedAt(revision) })
})

const callers = makeCallers()

/** Appends in a closed loop. */
export const append = Effect.fnUntraced(function* ({ batch, callers: count, seconds, target }: AppendFor) {
  const store = yield* EventStore
  const all = callers(count, batch, target)
  const watch = start(seconds)
  const loop = Effect.fnUntraced(function* (next: Caller) {
    while (watch.isRunning()) {
      const began = performance.now()
      yield* appendNext(store, next, batch)
      watch.done(began)
    }
  })
  yield* Effect.forEach(all, loop, { concurrency: "unbounded", discard: true })
  return watch.answer(0)
})

/** Stores streams in turns. */
export const seed = Effect.fnUntraced(function* (request: Seed) {
  const store = yield* EventStore
  const watch = start()
  const appendOne = ({ count, event, revision, stream }: SeedAppend) =>
    store.append(streamOf(stream), eventsAt(event, count), { expected: expectedAt(revision) })
  for (const turn of seedTurns(request)) {
    yield* Effect.forEach(turn, appendOne, { concurrency: 16, discard: true })
  }
  return watch.answer(0, request.streams * request.length)
})

/** Loads streams that were stored, one after the other. */
export const load = Effect.fnUntraced(function* ({ length, prefix, seconds, streams }: LoadFor) {
  const watch = start(seconds)
  let proof = 0
  for (let i = 0; watch.isRunning(); i++) {
    const began = performance.now()
    const { state } = yield* Aggregate.load(Ledger, `${prefix}${i % streams}`)
    watch.done(began)
    if (state.entries !== length) throw new Error(`A stream of ${length} events was folded from ${state.entries}.`)
    proof += state.entries
  }
  return watch.answer(proof)
})
