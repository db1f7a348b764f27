// How the peers "nats" and "nats-durable" publish and consume messages: what a user of nats.js writes.
import { AckPolicy } from "@nats-io/jetstream"
import type { JsMsg } from "@nats-io/jetstream"
import { headers } from "@nats-io/transport-node"
import { category, dataAt, typeAt } from "../ledger.ts"
import type { LedgerData } from "../ledger.ts"
import type { Answer, Consume, Fill, Publish } from "./protocol.ts"
import type { Streams } from "./rawNatsStreams.ts"
import { start } from "./stopwatch.ts"

let published = 0

const slots = 16

/** Publishes the n-th message: on the wire it is what ours is, its data as the payload and its address in headers. */
const publishAt = async ({ bus, jetstream }: Streams, n: number): Promise<void> => {
  const stream = `${category}-of${n}`
  const [id, type] = [crypto.randomUUID(), typeAt(n)]
  const subject = `${bus.subjects}${n % slots}.${category}.${type}`
  const address = headers()
  address.append("Ev-Type", type)
  address.append("Ev-Schema-Version", "1")
  address.append("Ev-Stream", stream)
  address.append("Ev-Revision", "0")
  const { duplicate, seq } = await jetstream.publish(subject, JSON.stringify(dataAt(n)), {
    msgID: id,
    headers: address
  })
  if (duplicate) throw new Error(`The server took message ${seq} for a repeat.`)
}

/** Publishes messages, so many of them on their way. */
const publishFrom = async (streams: Streams, first: number, count: number, inFlight: number): Promise<void> => {
  let next = first
  const one = async () => {
    while (next < first + count) await publishAt(streams, next++)
  }
  await Promise.all(Array.from({ length: Math.min(count, inFlight) }, one))
}

/** Puts messages on the bus. */
export const fill = async (streams: Streams, { messages }: Fill): Promise<Answer> => {
  const watch = start()
  await publishFrom(streams, 0, messages, 128)
  return watch.answer(0, messages)
}

/** Publishes in a closed loop. */
export const publish = async (streams: Streams, { batch, callers, inFlight, seconds }: Publish): Promise<Answer> => {
  let count = 0
  const watch = start(seconds)
  const loop = async () => {
    while (watch.isRunning()) {
      const began = performance.now()
      await publishFrom(streams, (published += batch), batch, inFlight / callers)
      watch.done(began)
      count += batch
    }
  }
  await Promise.all(Array.from({ length: callers }, loop))
  return watch.answer(0, count)
}

/** A message with its address, by which a handler knows what it is about and whether it has seen it before. */
const messageOf = (message: JsMsg) => ({
  id: message.headers?.get("Nats-Msg-Id"),
  type: message.headers?.get("Ev-Type"),
  schemaVersion: Number(message.headers?.get("Ev-Schema-Version")),
  stream: message.headers?.get("Ev-Stream"),
  revision: Number(message.headers?.get("Ev-Revision")),
  data: message.json<LedgerData>()
})

/** Counts messages as a handler that may take its time. */
const counting = () => {
  const seen = { count: 0, sum: 0 }
  const handle = async ({ data }: ReturnType<typeof messageOf>): Promise<void> => {
    seen.count += 1
    seen.sum += data.amount
  }
  return { seen, handle: (message: JsMsg) => handle(messageOf(message)) }
}

const messagesToACursor = 1000

/** The promise of ours: in order, at least once, by an ordered consumer and a cursor that is moved by compare-and-set. */
export const consumeOrdered = async (streams: Streams, { group, messages }: Consume): Promise<Answer> => {
  const { bus, cursors, jetstream } = streams
  const { handle, seen } = counting()
  const watch = start()
  let revision = await cursors.create(group, "0")
  const consumer = await jetstream.consumers.get(bus.stream, {})
  for await (const message of await consumer.consume({ max_messages: 1000 })) {
    await handle(message)
    const isLast = seen.count === messages
    if (seen.count % messagesToACursor === 0 || isLast) {
      revision = await cursors.update(group, String(message.seq), revision)
    }
    if (isLast) break
  }
  const answer = watch.answer(seen.sum, seen.count)
  await consumer.delete()
  return answer
}

/** Another promise, without order: a durable consumer whose messages are acknowledged one by one, nobody waiting for it. */
export const consumeDurable = async (streams: Streams, { group, messages }: Consume): Promise<Answer> => {
  const { bus, jetstream, manager } = streams
  const { handle, seen } = counting()
  const watch = start()
  await manager.consumers.add(bus.stream, {
    durable_name: group,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 5000
  })
  const consumer = await jetstream.consumers.get(bus.stream, group)
  for await (const message of await consumer.consume({ max_messages: 1000 })) {
    await handle(message)
    message.ack()
    if (seen.count === messages) break
  }
  const answer = watch.answer(seen.sum, seen.count)
  await consumer.delete()
  return answer
}
