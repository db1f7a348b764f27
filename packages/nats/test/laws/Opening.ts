// Laws of the beginning: what a server or a stream cannot do is not believed, and what it can lose is said.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import type { Law } from "@evolvent/testing/conformance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import type { StreamInfo } from "../../src/internal/jetstream.ts"
import type { Syncing } from "../../src/internal/syncing.ts"
import { permitted } from "../support/permitted.ts"
import { Bench, layoutOf } from "./Bench.ts"
import { equal, law } from "./Law.ts"

const connection = Effect.gen(function* () {
  const { backend, server } = yield* Bench
  return backend.jetstream.make(yield* backend.NatsClient.make({ servers: server.url }))
})

const unasked = law(
  "Open 1 appends to several streams are not promised on a stream that takes no batches",
  Effect.gen(function* () {
    const { backend, server } = yield* Bench
    const layout = yield* layoutOf()
    const { prefix } = layout.settings
    // As somebody else made it.
    yield* (yield* connection).ensure({ ...layout.events, allow_atomic: false })
    const context = yield* Layer.build(backend.Nats.layer({ servers: server.url, prefix }))
    const { capabilities } = Context.get(context, EventStore)
    yield* equal("used a stream that somebody made without batches", capabilities.appendAll, false)
  })
)

/** Opens a store as if the server were of another version, and its streams had more settings. */
const pretending = Effect.fnUntraced(function* (version: string, more: Readonly<Record<string, unknown>>) {
  const { backend } = yield* Bench
  const layout = yield* layoutOf()
  const whole = yield* connection
  const server = Effect.map(whole.client.server, (server) => ({ ...server, version }))
  return yield* backend.opening.open(
    {
      ...whole,
      client: { ...whole.client, server },
      ensure: (config) =>
        Effect.map(whole.ensure(config), (info): StreamInfo => ({ ...info, config: { ...info.config, ...more } }))
    },
    layout,
    {}
  )
})

const versions = law(
  "Open 2 nothing is asked of a server that its version cannot do or gets wrong",
  Effect.gen(function* () {
    for (const [version, isAtomic] of [
      ["2.9.25", false],
      ["2.11.9", false],
      ["2.12.0", true],
      ["2.15.1", true],
      ["3.0.0", true]
    ] as const) {
      const opened = yield* pretending(version, { allow_atomic: true })
      yield* equal(`opened a store on ${version}: whether it takes batches`, opened.isAtomic, isAtomic)
    }
    for (const [version, outcome] of [
      ["2.9.10", "StreamUnusable"],
      ["2.9.20", "StreamUnusable"],
      ["2.9.21", "opened"],
      ["2.10.0", "opened"]
    ] as const) {
      const opened = yield* Effect.result(pretending(version, { num_replicas: 3 }))
      const found = opened._tag === "Success" ? "opened" : opened.failure._tag
      yield* equal(`opened a store with three replicas on ${version}`, found, outcome)
    }
  })
)

const unusable = law(
  "Open 3 a stream whose messages go when they are read, or that takes other subjects, is not used",
  Effect.gen(function* () {
    const { backend, server } = yield* Bench
    for (const wrong of [{ retention: "workqueue" }, { retention: "interest" }, { subjects: ["other"] }]) {
      const layout = yield* layoutOf()
      const { prefix } = layout.settings
      const subjects = wrong.subjects === undefined ? {} : { subjects: [`${prefix}.other.>`] }
      yield* (yield* connection).ensure({ ...layout.events, ...wrong, ...subjects })
      const built = yield* Effect.result(Layer.build(backend.Nats.layer({ servers: server.url, prefix })))
      const found = built._tag === "Success" ? "used" : built.failure._tag
      yield* equal(`used a stream with ${JSON.stringify(wrong)}`, found, "StreamUnusable")
    }
  })
)

const doctor = law(
  "Open 4 every setting that can lose what was acknowledged is found, on each stream that it concerns",
  Effect.gen(function* () {
    const { backend } = yield* Bench
    const layout = backend.layout.make({
      prefix: "shop",
      replicas: 1,
      storage: "file",
      maxBytes: -1,
      duplicateWindow: 120_000
    })
    const info = (config: StreamInfo["config"]): StreamInfo => ({
      config,
      created: "2026-01-01T00:00:00Z",
      state: { messages: 0, first_seq: 1, last_seq: 0, bytes: 0 }
    })
    const examine = (more: object, syncing: Syncing = "always", which: "events" | "bus" | "rows" = "events") =>
      backend.doctor
        .examine({ version: "2.15.1", syncing, streams: [info({ ...layout[which], ...more })], layout })
        .map(({ level, setting, where }): string => `${level} ${where} ${setting}`)
    const cases = [
      [{}, "always", "events", []],
      [{}, "unknown", "events", ["unknown server sync_interval"]],
      [{}, 120_000, "events", ["loses server sync_interval: 120 s"]],
      [{ num_replicas: 3 }, 500, "events", ["risk server sync_interval: 500 ms"]],
      [{ storage: "memory" }, "always", "events", ["loses shop_events storage: memory"]],
      [{ discard: "old" }, "always", "events", []],
      [{ discard: "old", max_bytes: 10 }, "always", "events", ["loses shop_events discard: old"]],
      [{ discard: "old", max_msgs: 10 }, "always", "rows", ["loses KV_shop_rows discard: old"]],
      [{ max_age: 7 }, "always", "events", ["loses shop_events max_age: 7"]],
      [{ max_age: 7 }, "always", "rows", ["loses KV_shop_rows max_age: 7"]],
      [{ max_age: 7 }, "always", "bus", []],
      [{ max_msgs_per_subject: 9 }, "always", "events", ["loses shop_events max_msgs_per_subject: 9"]],
      [{ deny_delete: false }, "always", "events", ["risk shop_events deny_delete: false"]],
      [{ deny_purge: false }, "always", "events", ["risk shop_events deny_purge: false"]],
      [{ deny_purge: false }, "always", "rows", []]
    ] as const
    for (const [more, syncing, which, expected] of cases) {
      yield* equal(`looked at ${which} with ${JSON.stringify(more)}`, examine(more, syncing, which), [...expected])
    }
  })
)

const permissions = law(
  "Open 5 a writer makes nothing and works, and a reader of one category gets that and nothing else",
  Effect.gen(function* () {
    const { backend, server } = yield* Bench
    const { url } = yield* NatsServer.make({ version: server.version, config: { authorization: { users: permitted } } })
    const as = (user: string, create = false) =>
      Effect.map(
        Layer.build(
          backend.Nats.layer({
            servers: url,
            user,
            password: Redacted.make(user.slice(0, 1)),
            inboxPrefix: `_INBOX_${user}`,
            create
          })
        ),
        (context) => Context.get(context, EventStore)
      )
    const early = yield* Effect.result(as("writer"))
    yield* equal(
      "opened a store that is not there, as one who may not make it",
      early._tag === "Failure" ? early.failure._tag : "opened",
      "StreamUnusable"
    )
    yield* as("owner", true)
    const [writer, reader] = [yield* as("writer"), yield* as("reader")]
    for (const [category, id] of [
      ["Account", "a"],
      ["Secret", "s"]
    ] as const) {
      yield* writer.append(StreamName.make(category, id), [{ type: "Opened", data: {} }])
    }
    const count = (category: string) =>
      Effect.map(Effect.result(Stream.runCollect(reader.read(EventFilter.category(category)))), (read) =>
        read._tag === "Success" ? read.success.length : read.failure.isRetryable ? "unavailable" : "refused"
      )
    yield* equal("read the category that one may read", yield* count("Account"), 1)
    yield* equal("read another one", yield* count("Secret"), "refused")
    const append = reader.append(StreamName.make("Account", "b"), [{ type: "Opened", data: {} }])
    yield* equal("appended as a reader", (yield* Effect.result(append))._tag, "Failure")
  })
)

/** Laws of opening a store. */
export const opening: ReadonlyArray<Law<Bench>> = [unasked, versions, unusable, doctor, permissions].map(
  // What is warned of is what the laws do on purpose.
  ({ id, run }) => ({ id, run: Effect.provide(run, Logger.layer([])) })
)
