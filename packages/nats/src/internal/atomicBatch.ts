// atomicBatch: several messages stored all together or not at all; from nats-server 2.12 on, where the stream allows it.
import * as Effect from "effect/Effect"
import type { Headers } from "../NatsClient.ts"
import { ApiError } from "../NatsError.ts"
import type { Failure, JetStream } from "./jetstream.ts"

/** A message of a batch, and which message it expects to be the last of its subject. */
export interface BatchMessage {
  readonly subject: string
  readonly body: string
  readonly headers: Headers
  readonly expectedLast: number
}

interface Answer {
  readonly seq?: number
  readonly count?: number
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string }
}

/** Stores a batch; gives the number of its first message. The others follow without a gap. */
export const publish = ({ client }: JetStream, messages: ReadonlyArray<BatchMessage>): Effect.Effect<number, Failure> =>
  Effect.gen(function* () {
    const id = crypto.randomUUID()
    const headersOf = (i: number): Headers => [
      ...(messages[i]?.headers ?? []),
      ["Nats-Expected-Last-Subject-Sequence", String(messages[i]?.expectedLast ?? 0)],
      ["Nats-Batch-Id", id],
      ["Nats-Batch-Sequence", String(i + 1)],
      ...(i === messages.length - 1 ? ([["Nats-Batch-Commit", "1"]] as const) : [])
    ]
    const refused = (subject: string, { error }: Answer): Failure | undefined =>
      error === undefined
        ? undefined
        : new ApiError({
            subject,
            code: error.code,
            number: error.err_code ?? 0,
            problem: error.description ?? "no reason given"
          })

    let first: number | undefined
    for (const [i, { body, subject }] of messages.entries()) {
      const isLast = i === messages.length - 1
      // The answer to the first one says whether the server knows batches and has room for one more.
      if (i > 0 && !isLast) {
        yield* client.publish(subject, body, { headers: headersOf(i) })
        continue
      }
      const text = (yield* client.request(subject, body, { headers: headersOf(i) })).text()
      const answer = text === "" ? {} : (JSON.parse(text) as Answer)
      const problem = refused(subject, answer)
      if (problem !== undefined) return yield* problem
      if (isLast && answer.seq !== undefined) first = answer.seq - messages.length + 1
    }
    return first ?? (yield* new ApiError({ subject: id, code: 500, number: 0, problem: "the batch was not confirmed" }))
  })
