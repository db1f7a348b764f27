// The peer "ours-nats": the event store and the bus on NATS as an application uses them, through their public modules.
import * as Nats from "@evolvent/nats/Nats"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import { addressOf } from "./natsAddress.ts"
import { append, load, seed } from "./oursAppending.ts"
import { consume, fill, publish } from "./oursBus.ts"
import type { CatchUp, Peer } from "./protocol.ts"
import { serve } from "./serve.ts"
import { start } from "./stopwatch.ts"

// What the server's settings can lose stands in the head of the table, the same for all peers.
const makeRuntime = (url: string) => ManagedRuntime.make(Layer.provide(Nats.layer(addressOf(url)), Logger.layer([])))

let runtime: ReturnType<typeof makeRuntime> | undefined
const opened = (): ReturnType<typeof makeRuntime> => {
  if (runtime === undefined) throw new Error("The peer was not opened.")
  return runtime
}

interface Seen {
  count: number
  sum: number
}

/** Adds a page up. Its data was parsed as JSON, as that of the other peers is, and is what was stored. */
const see = (seen: Seen, page: ReadonlyArray<Recorded>): void => {
  for (const { data } of page) seen.sum += (data as { readonly amount: number }).amount
  seen.count += page.length
}

const pass = (how: CatchUp["how"], seen: Seen): Effect.Effect<void, EventStoreError, EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    if (how === "read") {
      yield* Stream.runForEachArray(store.read(EventFilter.all()), (page) => Effect.sync(() => see(seen, page)))
      return
    }
    const head = yield* store.head
    const pages = store.subscribe(EventFilter.all(), { after: Position.beginning })
    yield* Stream.runForEach(
      Stream.takeUntil(pages, ({ through }) => through >= head),
      (page) => Effect.sync(() => see(seen, page.events))
    )
  })

const catchUp = Effect.fnUntraced(function* ({ how, seconds }: CatchUp) {
  const watch = start(seconds)
  const seen: Seen = { count: 0, sum: 0 }
  do yield* pass(how, seen)
  while (watch.isRunning())
  return watch.answer(seen.sum, seen.count)
})

const peer: Peer = {
  open: async (url) => {
    runtime = makeRuntime(url)
    await runtime.runPromise(EventStore)
  },
  seed: (request) => opened().runPromise(seed(request)),
  append: (request) => opened().runPromise(append(request)),
  load: (request) => opened().runPromise(load(request)),
  catchUp: (request) => opened().runPromise(catchUp(request)),
  fill: (request) => opened().runPromise(fill(request)),
  publish: (request) => opened().runPromise(publish(request)),
  consume: (request) => opened().runPromise(consume(request)),
  close: async () => runtime?.dispose()
}

serve(peer)
