// The peer "ours": the event store on PostgreSQL as an application uses it, through its public modules.
import * as Postgres from "@evolvent/postgres/Postgres"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Aggregate from "evolvent/Aggregate"
import type { EventData } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { category, dataAt, Ledger, typeAt } from "../ledger.ts"
import { makeCallers, seedTurns } from "./callers.ts"
import type { Caller, SeedAppend } from "./callers.ts"
import { projectCounts } from "./oursProjecting.ts"
import { readAll, replay } from "./oursReading.ts"
import type { AppendFor, LoadFor, Peer, Seed } from "./protocol.ts"
import { serve } from "./serve.ts"
import { start } from "./stopwatch.ts"

const makeRuntime = (url: string) =>
  ManagedRuntime.make(Postgres.layer({ url: Redacted.make(url), maxConnections: 10 }))

let runtime: ReturnType<typeof makeRuntime> | undefined
const opened = (): ReturnType<typeof makeRuntime> => {
  if (runtime === undefined) throw new Error("The peer was not opened.")
  return runtime
}

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

const append = Effect.fnUntraced(function* ({ batch, callers: count, seconds, target }: AppendFor) {
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

const seed = Effect.fnUntraced(function* (request: Seed) {
  const store = yield* EventStore
  const watch = start()
  const appendOne = ({ count, event, revision, stream }: SeedAppend) =>
    store.append(streamOf(stream), eventsAt(event, count), { expected: expectedAt(revision) })
  for (const turn of seedTurns(request)) {
    yield* Effect.forEach(turn, appendOne, { concurrency: 16, discard: true })
  }
  return watch.answer(0, request.streams * request.length)
})

const load = Effect.fnUntraced(function* ({ length, prefix, seconds, streams }: LoadFor) {
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

const peer: Peer = {
  open: async (url) => {
    runtime = makeRuntime(url)
    await runtime.runPromise(EventStore)
  },
  seed: (request) => opened().runPromise(seed(request)),
  append: (request) => opened().runPromise(append(request)),
  load: (request) => opened().runPromise(load(request)),
  read: (request) => opened().runPromise(readAll(request.events)),
  project: (request) => opened().runPromise(projectCounts(request)),
  replay: (request) => opened().runPromise(replay(request)),
  close: async () => runtime?.dispose()
}

serve(peer)
