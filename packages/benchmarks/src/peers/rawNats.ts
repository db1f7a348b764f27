// The peer "nats": no library but nats.js, used as its documentation shows: one stream for events, one for messages.
import { makeCallers, seedTurns } from "./callers.ts"
import type { AppendFor, CatchUp, LoadFor, Peer, Seed } from "./protocol.ts"
import * as raw from "./rawNatsStreams.ts"
import type { StoredEvent, Streams } from "./rawNatsStreams.ts"
import { consumeOrdered, fill, publish } from "./rawNatsBus.ts"
import { category, dataAt, evolve, initial, typeAt } from "../ledger.ts"
import { serve } from "./serve.ts"
import { drive, start } from "./stopwatch.ts"

let streams: Streams | undefined
const opened = (): Streams => {
  if (streams === undefined) throw new Error("The peer was not opened.")
  return streams
}

/** What our message holds, field by field. */
const bodyOf = (revision: number, event: number, count: number): { readonly id: string; readonly body: string } => {
  const recordedAt = Date.now()
  const events: ReadonlyArray<StoredEvent> = Array.from({ length: count }, (_, i) => ({
    id: crypto.randomUUID(),
    type: typeAt(event + i),
    schemaVersion: 1,
    revision: revision + i,
    recordedAt,
    data: dataAt(event + i),
    metadata: {}
  }))
  return { id: events[0]?.id ?? "", body: JSON.stringify(events) }
}

// The number of the last message of each subject, which the next one has to name.
const lasts = new Map<string, number>()

const appendAt = async (stream: string, revision: number, event: number, count: number): Promise<void> => {
  const { events, jetstream } = opened()
  const subject = `${events.subjects}${stream.replace("-", ".")}`
  const { body, id } = bodyOf(revision, event, count)
  const lastSubjectSequence = revision === 0 ? 0 : (lasts.get(subject) ?? 0)
  const { duplicate, seq } = await jetstream.publish(subject, body, { msgID: id, expect: { lastSubjectSequence } })
  if (duplicate) throw new Error(`The server took message ${seq} for a repeat.`)
  lasts.set(subject, seq)
}

const callers = makeCallers()

const append = ({ batch, callers: count, seconds, target }: AppendFor) =>
  drive(
    seconds,
    callers(count, batch, target).map((next) => () => {
      const { event, revision = 0, stream } = next()
      return appendAt(stream, revision, event, batch)
    })
  )

const seed = async (request: Seed) => {
  const watch = start()
  for (const turn of seedTurns(request)) {
    for (let i = 0; i < turn.length; i += 128) {
      await Promise.all(
        turn.slice(i, i + 128).map(({ count, event, revision, stream }) => appendAt(stream, revision, event, count))
      )
    }
  }
  return watch.answer(0, request.streams * request.length)
}

const load = async ({ length, prefix, seconds, streams }: LoadFor) => {
  const watch = start(seconds)
  let proof = 0
  for (let i = 0; watch.isRunning(); i++) {
    const began = performance.now()
    let state = initial
    await raw.eachOfSubject(opened(), `${category}.${prefix}${i % streams}`, ({ data, type }) => {
      state = evolve(state, type, data.amount)
    })
    watch.done(began)
    if (state.entries !== length) throw new Error(`A stream of ${length} events was folded from ${state.entries}.`)
    proof += state.entries
  }
  return watch.answer(proof)
}

const catchUp = async ({ seconds }: CatchUp) => {
  const watch = start(seconds)
  let count = 0
  let sum = 0
  do {
    await raw.eachInOrder(opened(), ({ data }) => {
      count += 1
      sum += data.amount
    })
  } while (watch.isRunning())
  return watch.answer(sum, count)
}

const peer: Peer = {
  open: async (url) => {
    streams = await raw.open(url)
  },
  seed,
  append,
  load,
  catchUp,
  fill: (request) => fill(opened(), request),
  publish: (request) => publish(opened(), request),
  consume: (request) => consumeOrdered(opened(), request),
  close: async () => streams?.close()
}

serve(peer)
