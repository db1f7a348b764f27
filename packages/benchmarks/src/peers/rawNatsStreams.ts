// The streams of the peers "nats" and "nats-durable", with the settings of ours, and the reads of nats.js.
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream"
import { Kvm } from "@nats-io/kv"
import type { KV } from "@nats-io/kv"
import { connect } from "@nats-io/transport-node"
import type { LedgerData, LedgerType } from "../ledger.ts"
import { addressOf } from "./natsAddress.ts"

/** An event as it is in a message, with whatever ours has. */
export interface StoredEvent {
  readonly id: string
  readonly type: LedgerType
  readonly schemaVersion: number
  readonly revision: number
  readonly recordedAt: number
  readonly data: LedgerData
  readonly metadata: object
}

/** A stream, and what the subjects of its messages begin with. */
interface Named {
  readonly stream: string
  readonly subjects: string
}

/** A connection, and what is kept there. */
export interface Streams {
  readonly jetstream: JetStreamClient
  readonly manager: JetStreamManager
  readonly events: Named
  readonly bus: Named
  readonly cursors: KV
  /** Whether the server gives many messages by one request: from 2.11 on. */
  readonly hasBatches: boolean
  readonly close: () => Promise<void>
}

/** Connects, and makes the streams unless they are there. */
export const open = async (url: string): Promise<Streams> => {
  const { prefix, servers } = addressOf(url)
  const connection = await connect({ servers })
  const manager = await jetstreamManager(connection)
  const named = async (kept: "events" | "bus"): Promise<Named> => {
    const stream = `${prefix}_${kept}`
    await manager.streams.add({
      name: stream,
      subjects: [`${prefix}.${kept}.>`],
      retention: "limits",
      storage: "file",
      discard: "new",
      num_replicas: 1,
      allow_direct: true,
      deny_delete: true,
      deny_purge: kept === "events",
      duplicate_window: 120_000_000_000
    })
    return { stream, subjects: `${prefix}.${kept}.` }
  }
  const [major = 0, minor = 0] = (connection.info?.version ?? "").split(".").map(Number)
  return {
    jetstream: jetstream(connection),
    manager,
    events: await named("events"),
    bus: await named("bus"),
    cursors: await new Kvm(connection).create(`${prefix}_cursors`),
    hasBatches: major > 2 || (major === 2 && minor >= 11),
    close: () => connection.close()
  }
}

const parsed = (text: string): ReadonlyArray<StoredEvent> => JSON.parse(text) as ReadonlyArray<StoredEvent>

// As many as the server gives by one request.
const mostOfBatch = 1000

/** All events of a subject, in order: in batches where the server has them, which is the fastest, else by a consumer. */
export const eachOfSubject = async (
  { events, hasBatches, jetstream, manager }: Streams,
  rest: string,
  use: (event: StoredEvent) => void
): Promise<void> => {
  const subject = events.subjects + rest
  if (!hasBatches) return eachOf(jetstream, events.stream, subject, use)
  let from = 1
  let isMore = true
  while (isMore) {
    const query = { seq: from, next_by_subj: subject, batch: mostOfBatch }
    for await (const message of await manager.direct.getBatch(events.stream, query)) {
      for (const event of parsed(message.string())) use(event)
      from = message.seq + 1
      isMore = message.pending > 0
    }
  }
}

/** All events, in order. */
export const eachInOrder = ({ events, jetstream }: Streams, use: (event: StoredEvent) => void): Promise<void> =>
  eachOf(jetstream, events.stream, undefined, use)

/** What an ordered consumer gives, up to the last message there is; by a callback, which is the fastest. */
const eachOf = async (
  jetstream: JetStreamClient,
  stream: string,
  subject: string | undefined,
  use: (event: StoredEvent) => void
): Promise<void> => {
  const consumer = await jetstream.consumers.get(stream, subject === undefined ? {} : { filter_subjects: subject })
  let finish = () => {}
  const finished = new Promise<void>((resolve) => (finish = resolve))
  const messages = await consumer.consume({
    max_messages: 1000,
    callback: (message) => {
      for (const event of parsed(message.string())) use(event)
      if (message.info.pending === 0) finish()
    }
  })
  await finished
  messages.stop()
  await consumer.delete()
}
