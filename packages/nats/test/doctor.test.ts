// The doctor names every setting that can lose what was acknowledged, and is silent where none can.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as jetstreams from "../src/internal/jetstream.ts"
import * as Nats from "../src/Nats.ts"
import * as NatsClient from "../src/NatsClient.ts"

const summary = (findings: ReadonlyArray<Nats.Finding>) =>
  findings.map(({ level, setting, where }) => `${level} ${where} ${setting}`)

it.live("a server that writes at once and streams that this library made have nothing to find", () =>
  Effect.gen(function* () {
    const { monitorUrl, url, version } = yield* NatsServer.make({
      config: { jetstream: { sync_interval: "always" } }
    }).pipe(
      // 2.9 does not know the setting.
      Effect.catch(() => NatsServer.make())
    )
    const options = { servers: url, monitorUrl }
    yield* Layer.build(Nats.layer(options))
    const expected = version.startsWith("2.9.") ? ["loses server sync_interval: 120 s"] : []
    expect(summary(yield* Nats.doctor(options))).toEqual(expected)
  })
)

it.live("a server left as it comes can lose two minutes, and without its monitoring nobody knows", () =>
  Effect.gen(function* () {
    const { monitorUrl, url } = yield* NatsServer.make()
    yield* Layer.build(Nats.layer({ servers: url }))
    const [known] = yield* Nats.doctor({ servers: url, monitorUrl })
    expect(known).toMatchObject({ level: "loses", where: "server", setting: "sync_interval: 120 s" })
    expect(known === undefined ? "" : Nats.describe(known)).toContain("sync_interval: always")
    expect(summary(yield* Nats.doctor({ servers: url }))).toEqual(["unknown server sync_interval"])
    expect(summary(yield* Nats.doctor({ servers: url, monitorUrl: "http://127.0.0.1:1" }))).toEqual([
      "unknown server sync_interval"
    ])
  })
)

it.live("streams that were made by somebody else are told by what they lose, also at the start", () =>
  Effect.gen(function* () {
    const { url } = yield* NatsServer.make()
    const lines: Array<string> = []
    yield* Effect.scoped(
      Effect.gen(function* () {
        const { api } = jetstreams.make(yield* NatsClient.make({ servers: url }))
        const make = (name: string, subject: string, more: object) =>
          api(`STREAM.CREATE.${name}`, { name, subjects: [subject], num_replicas: 1, ...more })
        yield* make("evolvent_events", "evolvent.events.>", {
          storage: "memory",
          max_bytes: 1_000_000,
          discard: "old",
          max_age: 3_600_000_000_000,
          max_msgs_per_subject: 10
        })
        yield* make("evolvent_bus", "evolvent.bus.>", {
          storage: "file",
          discard: "new",
          max_age: 1e15,
          deny_delete: true
        })
      })
    )
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    yield* Effect.provide(Layer.build(Nats.layer({ servers: url })), Logger.layer([logger]))
    const found = summary(yield* Nats.doctor({ servers: url })).slice(1)
    expect(found).toEqual([
      "loses evolvent_events storage: memory",
      "loses evolvent_events discard: old",
      "loses evolvent_events max_age: 3600000000000",
      "loses evolvent_events max_msgs_per_subject: 10",
      "risk evolvent_events deny_delete: false",
      "risk evolvent_events deny_purge: false"
    ])
    for (const setting of ["storage: memory", "discard: old", "max_age", "max_msgs_per_subject"]) {
      expect(lines.filter((line) => line.includes(setting)).length).toBe(1)
    }
  })
)

it.live("a stream whose messages go when they are read, or that takes other subjects, is not used", () =>
  Effect.gen(function* () {
    const { url } = yield* NatsServer.make()
    const { api } = jetstreams.make(yield* NatsClient.make({ servers: url }))
    const make = (name: string, subjects: ReadonlyArray<string>, more: object) =>
      api(`STREAM.CREATE.${name}`, { name, subjects, num_replicas: 1, storage: "file", ...more })
    yield* make("work_events", ["work.events.>"], { retention: "workqueue" })
    yield* make("other_events", ["somebody.>"], {})
    for (const prefix of ["work", "other"]) {
      const error = yield* Effect.flip(Layer.build(Nats.layer({ servers: url, prefix })))
      expect(error).toMatchObject({ _tag: "StreamUnusable", stream: `${prefix}_events` })
    }
    const error = yield* Effect.flip(Layer.build(Nats.layer({ servers: url, prefix: "a.b" })))
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "prefix" })
  })
)

it.live(
  "replicas on a server that lets two writers win are refused, and on a newer one they are not",
  () =>
    Effect.gen(function* () {
      const found = yield* NatsServer.found
      for (const { version } of found) {
        const { urls } = yield* NatsServer.cluster({ version })
        const built = Layer.build(Nats.layer({ servers: urls, replicas: 3 }))
        if (version !== "2.9.10") yield* Effect.retry(built, { times: 20, schedule: Schedule.spaced("250 millis") })
        else expect(yield* Effect.flip(built)).toMatchObject({ _tag: "StreamUnusable" })
      }
    }),
  60_000
)

it.live("no server is an error that names the address and ends soon", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(Layer.build(Nats.layer({ servers: "nats://127.0.0.1:1" })))
    expect(error).toMatchObject({ _tag: "ConnectFailed", servers: ["nats://127.0.0.1:1"] })
  })
)
