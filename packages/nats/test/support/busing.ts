// busing: buses on connections of their own, each as if it were another process, and messages for them.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Bus from "evolvent/Bus"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as EventId from "evolvent/EventId"
import * as EventStore from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as buckets from "../../src/internal/bucket.ts"
import * as busLog from "../../src/internal/busLog.ts"
import * as checkpointStore from "../../src/internal/checkpointStore.ts"
import * as eventStore from "../../src/internal/eventStore.ts"
import * as jetstreams from "../../src/internal/jetstream.ts"
import type { Failure, JetStream } from "../../src/internal/jetstream.ts"
import * as layouts from "../../src/internal/layout.ts"
import type { Layout } from "../../src/internal/layout.ts"
import * as NatsClient from "../../src/NatsClient.ts"
import type { ConnectFailed, StreamUnusable } from "../../src/NatsError.ts"

export const layoutOf = (prefix: string, duplicateWindow = 120_000): Layout =>
  layouts.make({ prefix, replicas: 1, storage: "file", maxBytes: -1, duplicateWindow })

/** A bus, and what it is made of. */
export interface Joined {
  readonly jetstream: JetStream
  readonly driver: EventStore.Driver
  /** The store of the bus: its messages, and what its groups park. */
  readonly store: EventStore.EventStore["Service"]
  readonly events: EventStore.EventStore["Service"]
  readonly checkpoints: CheckpointStore.CheckpointStore["Service"]
  readonly bus: Bus.Bus["Service"]
}

/** A bus on a connection of its own. */
export const join = (
  url: string,
  layout: Layout,
  options: Bus.LayerOptions & {
    readonly requestTimeout?: number
    /** Breaks the connection on which the bus's log is. */
    readonly breaking?: (jetstream: JetStream) => JetStream
  } = {}
): Effect.Effect<Joined, ConnectFailed | StreamUnusable | Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const { breaking, requestTimeout } = options
    const client = yield* NatsClient.make({
      servers: url,
      ...(requestTimeout === undefined ? {} : { requestTimeout })
    })
    const whole = jetstreams.make(client)
    const info = yield* whole.ensure(layout.events)
    for (const config of [layout.ids, layout.checkpoints, layout.bus]) yield* whole.ensure(config)
    const jetstream = breaking === undefined ? whole : breaking(whole)
    const events = yield* eventStore.make(
      whole,
      info,
      buckets.make(whole, layout.ids),
      info.config["allow_atomic"] === true
    )
    const driver = yield* busLog.make(jetstream, layout, events)
    const store = EventStore.make(driver)
    const checkpoints = CheckpointStore.make(checkpointStore.make(whole, layout))
    const below = Context.make(EventStore.EventStore, store).pipe(
      Context.add(CheckpointStore.CheckpointStore, checkpoints)
    )
    const context = yield* Layer.build(Layer.provide(Bus.layer(options), Layer.succeedContext(below)))
    const bus = Context.get(context, Bus.Bus)
    return { jetstream, driver, store, events: EventStore.make(events), checkpoints, bus }
  })

/** A message of a key with a number. */
export const message = (key: string, n: number, more: Partial<Bus.Message> = {}): Bus.Message => ({
  id: EventId.derive("message", `${key} ${n}`, 0),
  key,
  category: "Order",
  type: "Placed",
  schemaVersion: 1,
  stream: StreamName.make("Order", key),
  revision: Revision.make(n),
  data: { n },
  metadata: {},
  ...more
})

/** The number of a message. */
export const numberOf = ({ data }: Bus.Message): number => Number((data as { readonly n?: unknown } | null)?.n)

/** A group that writes down what it handles, until the scope closes. */
export const receive = (
  bus: Bus.Bus["Service"],
  group: string,
  topics: Bus.Subscription<never>["topics"] = [{ category: "Order" }]
): Effect.Effect<ReadonlyArray<Bus.Message>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const got: Array<Bus.Message> = []
    yield* Effect.forkScoped(bus.subscribe(group, { topics }, (one) => Effect.sync(() => got.push(one))))
    return got
  })

/** Waits until something is so. */
export const until = <E, R>(what: string, is: Effect.Effect<boolean, E, R>, seconds = 30): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    const start = performance.now()
    while (!(yield* is)) {
      if (performance.now() - start > 1000 * seconds) throw new Error(`waited ${seconds} s in vain: ${what}`)
      yield* Effect.sleep("10 millis")
    }
  })
