// The peer "nats-durable": nats.js as the peer "nats" uses it, consuming by a durable consumer with acknowledgements.
import type { Peer } from "./protocol.ts"
import { consumeDurable, fill } from "./rawNatsBus.ts"
import * as raw from "./rawNatsStreams.ts"
import type { Streams } from "./rawNatsStreams.ts"
import { serve } from "./serve.ts"

let streams: Streams | undefined
const opened = (): Streams => {
  if (streams === undefined) throw new Error("The peer was not opened.")
  return streams
}

const peer: Peer = {
  open: async (url) => {
    streams = await raw.open(url)
  },
  fill: (request) => fill(opened(), request),
  consume: (request) => consumeDurable(opened(), request),
  close: async () => streams?.close()
}

serve(peer)
