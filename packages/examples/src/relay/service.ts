// service: runs one of the two services as a process, on a PostgreSQL of its own and the NATS server between them.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Command from "effect/cli/Command"
import { EventStoreError } from "evolvent/EventStoreError"
import type { Services } from "evolvent/Memory"
import * as OnNats from "../onNats.ts"
import * as Storage from "../storage.ts"
import { StorageUnusable } from "../storageUnusable.ts"

/** The bus has its streams under this name. */
export const busName = "relay"

const Bus = Layer.unwrap(
  Effect.gen(function* () {
    const usual = Redacted.make("nats://127.0.0.1:4222")
    const url = yield* Effect.orDie(Config.withDefault(Config.Redacted("NATS_URL"), usual))
    return OnNats.busLayer(busName, url)
  })
)

/** A service's events, checkpoints and read models on PostgreSQL, and the bus on NATS. */
export const layer = (name: string): Layer.Layer<Services, StorageUnusable> =>
  Layer.provideMerge(Bus, Storage.layer(`relay_${name}`, { store: "postgres" }))

/** Does it again while the store is away; what is done has to bear that. */
export const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => error instanceof EventStoreError && error.isRetryable,
    schedule: Schedule.spaced("200 millis")
  })

/** Runs a service until it is killed. Servers that are away when it starts are waited for, half a minute at most. */
export const run = (name: string, program: Effect.Effect<unknown, Error, Services>): void => {
  const start = Effect.suspend(() => Effect.provide(program, layer(name))).pipe(
    Effect.tapError((error) =>
      error instanceof StorageUnusable ? Console.error(`${name} waits: ${error.message}`) : Effect.void
    ),
    Effect.retry({
      while: (error) => error instanceof StorageUnusable,
      schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "30 seconds" }))
    })
  )
  Command.run(
    Command.make(name, {}, () => start),
    { version: "0.1.0" }
  ).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
}
