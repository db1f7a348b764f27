// Bench: what the laws of this package are tried on: a server, and the backend, whole or broken.
import type { Server } from "@evolvent/nats-server/NatsServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Bus from "evolvent/Bus"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as EventStore from "evolvent/EventStore"
import type { JetStream } from "../../src/internal/jetstream.ts"
import type { Layout, Settings } from "../../src/internal/layout.ts"
import type * as backend from "./Backend.ts"

/** The modules of the backend that laws use. */
export type Backend = typeof backend

/** The server and the backend under test. */
export class Bench extends Context.Service<Bench, { readonly server: Server; readonly backend: Backend }>()(
  "evolvent/test/Bench"
) {}

/** Changes some calls of a connection. */
export type Breaking = (jetstream: JetStream) => JetStream

export const unbroken: Breaking = (jetstream) => jetstream

/** A store that no other law has. */
export const layoutOf = (settings: Partial<Settings> = {}): Effect.Effect<Layout, never, Bench> =>
  Effect.map(Bench, ({ backend: { layout } }) =>
    layout.make({
      prefix: `law_${crypto.randomUUID().slice(0, 8)}`,
      replicas: 1,
      storage: "memory",
      maxBytes: -1,
      duplicateWindow: 120_000,
      ...settings
    })
  )

/** Whether a subject is one of the log's own, and not one of a bucket. */
export const isEvent = (subject: string): boolean => subject.includes(".events.")

/** A connection of its own, as another process has it, with the streams of a store. */
const connected = Effect.fnUntraced(function* (layout: Layout, kinds: ReadonlyArray<keyof Omit<Layout, "settings">>) {
  const { backend, server } = yield* Bench
  const jetstream = backend.jetstream.make(yield* backend.NatsClient.make({ servers: server.url }))
  yield* Effect.forEach(kinds, (kind) => jetstream.ensure(layout[kind]), { concurrency: 6, discard: true })
  return { backend, jetstream }
})

/** The event store of a process. */
export const eventsOf = Effect.fnUntraced(function* (layout: Layout, breaking: Breaking = unbroken) {
  const { backend, jetstream: whole } = yield* connected(layout, ["ids"])
  const log = yield* whole.ensure(layout.events)
  const jetstream = breaking(whole)
  const ids = backend.bucket.make(jetstream, layout.ids)
  const driver = yield* backend.eventStore.make(jetstream, log, ids, log.config["allow_atomic"] === true)
  return { jetstream: whole, driver, store: EventStore.make(driver) }
})

/** The checkpoints of a process. */
export const checkpointsOf = Effect.fnUntraced(function* (layout: Layout, breaking: Breaking = unbroken) {
  const { backend, jetstream: whole } = yield* connected(layout, ["checkpoints"])
  const jetstream = breaking(whole)
  const documents = backend.documents.make(jetstream, layout.checkpoints)
  const driver = backend.checkpointStore.make(jetstream, layout, documents)
  return { jetstream: whole, documents, store: CheckpointStore.make(driver) }
})

/** The read models of a process. */
export const rowsOf = Effect.fnUntraced(function* (layout: Layout, breaking: Breaking = unbroken) {
  const { backend, jetstream: whole } = yield* connected(layout, ["checkpoints", "rows"])
  const jetstream = breaking(whole)
  const documents = backend.documents.make(jetstream, layout.checkpoints)
  return { jetstream: whole, rows: yield* backend.readModelStore.make(jetstream, layout, documents) }
})

/** The bus of a process, and the log that it is made of. */
export const busOf = Effect.fnUntraced(function* (layout: Layout, breaking: Breaking = unbroken) {
  const { backend, jetstream: whole } = yield* connected(layout, ["bus", "checkpoints"])
  const { driver: events } = yield* eventsOf(layout)
  const driver = yield* backend.busLog.make(breaking(whole), layout, events)
  const store = EventStore.make(driver)
  const checkpoints = CheckpointStore.make(backend.checkpointStore.make(whole, layout))
  const below = Context.make(EventStore.EventStore, store).pipe(
    Context.add(CheckpointStore.CheckpointStore, checkpoints)
  )
  const context = yield* Layer.build(Layer.provide(Bus.layer({ partitions: 1 }), Layer.succeedContext(below)))
  return { jetstream: whole, driver, store, bus: Context.get(context, Bus.Bus) }
})
