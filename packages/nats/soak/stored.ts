// stored: what the streams of NATS hold in the end, read past the library, by a consumer and a parser of its own.
import * as Effect from "effect/Effect"
import type { NatsClient } from "../src/NatsClient.ts"
import type { Failure, JetStream } from "../src/internal/jetstream.ts"
import * as names from "../src/internal/names.ts"

/** A message of a stream. */
interface Raw {
  readonly sequence: number
  readonly subject: string
  readonly id: string
  readonly key: string
  readonly body: string
}

/** An event as it stands in the log. */
export interface StoredEvent {
  readonly id: string
  readonly position: number
  readonly revision: number
  readonly stream: string
  readonly category: string
  readonly type: string
  /** What its data says its id is; undefined where it says nothing. */
  readonly told: string | undefined
  readonly time: number
}

/** The whole log by position, and by id. */
export interface Log {
  readonly events: ReadonlyArray<StoredEvent>
  readonly byId: ReadonlyMap<string, StoredEvent>
}

/** A message of the bus. */
export interface StoredMessage {
  readonly id: string
  readonly key: string
  readonly data: unknown
}

const page = 2000

/** All messages of a stream. */
const messages = (
  client: NatsClient["Service"],
  jetstream: JetStream,
  stream: string
): Effect.Effect<ReadonlyArray<Raw>, Failure> =>
  Effect.scoped(
    Effect.gen(function* () {
      const info = yield* jetstream.info(stream)
      const last = info?.state.last_seq ?? 0
      const found: Array<Raw> = []
      if ((info?.state.messages ?? 0) === 0) return found
      const inbox = client.newInbox()
      yield* client.subscribe(inbox, (message) => {
        const reply = message.reply?.split(".") ?? []
        if (reply[1] !== "ACK") return
        found.push({
          sequence: Number(reply[5]),
          subject: message.subject,
          id: message.header("Nats-Msg-Id") ?? "",
          key: message.header("Ev-Key") ?? message.header("Ev-Stream") ?? "",
          body: message.text()
        })
      })
      const consumer = `judge${crypto.randomUUID().replaceAll("-", "")}`
      const config = { name: consumer, ack_policy: "none", mem_storage: true, num_replicas: 1, deliver_policy: "all" }
      yield* jetstream.api(`CONSUMER.CREATE.${stream}.${consumer}`, { stream_name: stream, config })
      while ((found.at(-1)?.sequence ?? 0) < last) {
        const before = found.length
        const body = `{"batch":${page},"expires":2000000000}`
        yield* client.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, body, { reply: inbox })
        for (let waited = 0; waited < 400 && found.length < before + page; waited++) {
          if ((found.at(-1)?.sequence ?? 0) >= last) break
          yield* Effect.sleep(5)
        }
      }
      return found
    })
  )

interface Written {
  readonly id: string
  readonly type: string
  readonly revision: number
  readonly recordedAt: number
  readonly data: { readonly id?: unknown } | null
}

const perMessage = 1024

/** Reads the whole log of events. */
export const log = (client: NatsClient["Service"], jetstream: JetStream, prefix: string): Effect.Effect<Log, Failure> =>
  Effect.map(messages(client, jetstream, `${prefix}_events`), (raw) => {
    const events: Array<StoredEvent> = []
    const byId = new Map<string, StoredEvent>()
    for (const { body, sequence, subject } of raw) {
      const [, , category = "", id = ""] = subject.split(".").map(names.text)
      const written = JSON.parse(body) as ReadonlyArray<Written>
      written.forEach(({ data, id: eventId, recordedAt, revision, type }, i) => {
        const event = {
          id: eventId,
          position: (sequence + 1) * perMessage - written.length + i,
          revision,
          stream: `${category}-${id}`,
          category,
          type,
          told: typeof data?.id === "string" ? data.id : undefined,
          time: recordedAt
        }
        events.push(event)
        byId.set(eventId, event)
      })
    }
    return { events, byId }
  })

/** Reads all messages of the bus. */
export const bus = (
  client: NatsClient["Service"],
  jetstream: JetStream,
  prefix: string
): Effect.Effect<ReadonlyArray<StoredMessage>, Failure> =>
  Effect.map(messages(client, jetstream, `${prefix}_bus`), (raw) =>
    raw.map(({ body, id, key }) => ({ id, key, data: JSON.parse(body) as unknown }))
  )
