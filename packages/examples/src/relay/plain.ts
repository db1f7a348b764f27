// The same messages read by nats.js alone, as a foreign service does, in whatever language: headers, and JSON in the body.
import { setTimeout } from "node:timers/promises"
import { jetstream, JetStreamApiError } from "@nats-io/jetstream"
import type { MsgHdrs } from "@nats-io/transport-node"
import { connect } from "@nats-io/transport-node"

// Subjects are <store>.bus.<slot>.<category>.<type>.
const stream = "evolvent-relay_bus"
const orders = "evolvent-relay.bus.*.Order.*"

/** The text of a header: one that begins with a double quote is a JSON string, since not every text can be a header. */
const text = (headers: MsgHdrs | undefined, name: string): string | undefined => {
  const value = headers?.has(name) === true ? headers.get(name) : undefined
  return value?.startsWith('"') === true ? String(JSON.parse(value)) : value
}

const connection = await connect({ servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222" })
const streams = jetstream(connection).consumers

/** The stream is made by whoever publishes first. */
const open = async () => {
  while (true) {
    try {
      // In order, from the first message on. A service that is to go on where it was keeps the number of the last message
      // that it handled, beside what it wrote, and gives the next one as `opt_start_seq`.
      return await streams.get(stream, { filter_subjects: orders })
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === 10059)) throw error
      await setTimeout(200)
    }
  }
}

for await (const message of await (await open()).consume()) {
  const { headers, seq } = message
  const told = {
    type: text(headers, "Ev-Type"),
    stream: text(headers, "Ev-Stream"),
    revision: Number(text(headers, "Ev-Revision")),
    correlationId: text(headers, "Ev-Correlation-Id"),
    traceparent: text(headers, "traceparent"),
    data: message.json()
  }
  process.stdout.write(`${seq} ${JSON.stringify(told)}\n`)
}
