// storing: event stores on connections of their own, each as if it were another process.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as EventStore from "evolvent/EventStore"
import * as bucket from "../../src/internal/bucket.ts"
import * as eventStore from "../../src/internal/eventStore.ts"
import * as jetstreams from "../../src/internal/jetstream.ts"
import type { Failure, JetStream } from "../../src/internal/jetstream.ts"
import * as layouts from "../../src/internal/layout.ts"
import * as NatsClient from "../../src/NatsClient.ts"
import { RequestFailed } from "../../src/NatsError.ts"
import type { ConnectFailed, StreamUnusable } from "../../src/NatsError.ts"

/** Breaks some calls of a connection. */
export type Breaking = (jetstream: JetStream) => JetStream

export const layoutOf = (prefix: string): layouts.Layout =>
  layouts.make({ prefix, replicas: 1, storage: "file", maxBytes: -1, duplicateWindow: 120_000 })

/** A store. */
export const open = (
  url: string,
  layout: layouts.Layout,
  breaking: Breaking = (jetstream) => jetstream
): Effect.Effect<EventStore.EventStore["Service"], ConnectFailed | StreamUnusable | Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const whole = jetstreams.make(yield* NatsClient.make({ servers: url }))
    const log = yield* whole.ensure(layout.events)
    yield* whole.ensure(layout.ids)
    const jetstream = breaking(whole)
    const ids = bucket.make(jetstream, layout.ids)
    return EventStore.make(yield* eventStore.make(jetstream, log, ids, log.config["allow_atomic"] === true))
  })

const lost = (subject: string) => new RequestFailed({ subject, why: "TimedOut", problem: "the test lost the answer" })

/** Loses answers and requests: every time `fate` says so. */
export const losing =
  (fate: () => "sent" | "answerLost" | "requestLost"): Breaking =>
  (jetstream) => ({
    ...jetstream,
    publish: (subject, body, headers, expectedLast) =>
      Effect.suspend(() => {
        const one = fate()
        if (one === "requestLost") return Effect.fail(lost(subject))
        const sent = jetstream.publish(subject, body, headers, expectedLast)
        return one === "sent" ? sent : Effect.flatMap(sent, () => Effect.fail(lost(subject)))
      })
  })
