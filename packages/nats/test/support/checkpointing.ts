// checkpointing: checkpoint stores on connections of their own, each as if it were another process, and ways to break one.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as checkpointStore from "../../src/internal/checkpointStore.ts"
import * as documents from "../../src/internal/documents.ts"
import type { Documents } from "../../src/internal/documents.ts"
import * as jetstreams from "../../src/internal/jetstream.ts"
import type { Failure, JetStream } from "../../src/internal/jetstream.ts"
import * as layouts from "../../src/internal/layout.ts"
import type { Layout } from "../../src/internal/layout.ts"
import * as NatsClient from "../../src/NatsClient.ts"
import type { ConnectFailed, StreamUnusable } from "../../src/NatsError.ts"
import { RequestFailed } from "../../src/NatsError.ts"

export const layoutOf = (prefix: string): Layout =>
  layouts.make({ prefix, replicas: 1, storage: "file", maxBytes: -1, duplicateWindow: 120_000 })

/** A checkpoint store, and what it is made of. */
export interface Joined {
  readonly jetstream: JetStream
  readonly documents: Documents
  readonly driver: CheckpointStore.Driver
  readonly store: CheckpointStore.CheckpointStore["Service"]
}

/** A store of a bucket on a connection of its own. */
export const join = (
  url: string,
  layout: Layout,
  options: {
    readonly requestTimeout?: number
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
    yield* whole.ensure(layout.checkpoints)
    const jetstream = breaking === undefined ? whole : breaking(whole)
    const made = documents.make(jetstream, layout.checkpoints)
    const driver = checkpointStore.make(jetstream, layout, made)
    return { jetstream, documents: made, driver, store: CheckpointStore.make(driver) }
  })

const gone = (subject: string, why: RequestFailed["why"]) =>
  Effect.fail(new RequestFailed({ subject, why, problem: "this test has broken the connection" }))

/**
 * A connection that dies at a write: the `n`th is the last that is sent, or the first that is not, and from then on nothing
 * is. `writes` says how many there were.
 */
export const dyingAt = (n: number, when: "before it is sent" | "after it was sent") => {
  const state = { writes: 0, isDead: false }
  const breaking = (jetstream: JetStream): JetStream => ({
    ...jetstream,
    last: (stream, subject) => (state.isDead ? gone(subject, "Closed") : jetstream.last(stream, subject)),
    purge: (stream, subject, below) =>
      Effect.suspend(() => {
        if (state.isDead) return gone(subject, "Closed")
        state.writes += 1
        if (state.writes < n) return jetstream.purge(stream, subject, below)
        state.isDead = true
        const dead = gone(subject, "Closed")
        return when === "before it is sent" ? dead : Effect.andThen(jetstream.purge(stream, subject, below), dead)
      }),
    publish: (subject, body, headers, expectedLast) =>
      Effect.suspend(() => {
        if (state.isDead) return gone(subject, "Closed")
        state.writes += 1
        if (state.writes < n) return jetstream.publish(subject, body, headers, expectedLast)
        state.isDead = true
        const dead = gone(subject, "Closed")
        return when === "before it is sent"
          ? dead
          : Effect.andThen(jetstream.publish(subject, body, headers, expectedLast), dead)
      })
  })
  return { state, breaking }
}

/**
 * A connection on which the answers to some writes are lost, after the writes were done; `meanwhile` happens between the
 * write and the moment at which its answer is known to be lost.
 */
export const losing =
  (lose: (subject: string) => boolean, meanwhile: Effect.Effect<unknown, unknown> = Effect.void) =>
  (jetstream: JetStream): JetStream => ({
    ...jetstream,
    publish: (subject, body, headers, expectedLast) =>
      Effect.flatMap(jetstream.publish(subject, body, headers, expectedLast), (acknowledged) =>
        lose(subject)
          ? Effect.andThen(Effect.ignore(meanwhile), gone(subject, "TimedOut"))
          : Effect.succeed(acknowledged)
      )
  })

/** A connection that stands still before some writes. */
export const stalling =
  (stall: (subject: string) => Effect.Effect<void>) =>
  (jetstream: JetStream): JetStream => ({
    ...jetstream,
    publish: (subject, body, headers, expectedLast) =>
      Effect.andThen(stall(subject), jetstream.publish(subject, body, headers, expectedLast))
  })
