// busPublish: sends messages of the bus, those of one key one after another; what the server knows already is compared.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { repeats } from "evolvent/EventStore"
import type { EncodedAppend, EncodedRecorded, Outcome } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { Outgoing } from "./busMessage.ts"
import { endOf } from "./eventMessage.ts"
import type { Failure, JetStream, StoredMessage } from "./jetstream.ts"
import { patiently } from "./jetstream.ts"

type Reused = Extract<Outcome, { readonly _tag: "IdReused" }>

/** How a message was stored. */
interface Sent {
  readonly _tag: "Sent"
  readonly sequence: number
  readonly repeated: boolean
}

// As many are on their way at a time: beyond that it is no faster.
const atATime = 128

/** Sends the messages of an append; none behind one that failed, or was refused, of its key. */
export const make = (jetstream: JetStream, stream: string, decode: (message: StoredMessage) => EncodedRecorded) => {
  /** What the server knew by its id, of this message or of any other one. */
  const known = Effect.fnUntraced(function* (
    append: EncodedAppend,
    { event }: Outgoing,
    sequence: number
  ): Effect.fn.Return<Sent | Reused, Failure> {
    const message = yield* jetstream.get(stream, sequence)
    // It was removed since: what it held nobody can say, but that id was published.
    if (message === undefined) return { _tag: "Sent", sequence, repeated: true }
    const there = decode(message)
    const repeated = repeats([{ ...append, events: [event] }], () => there)
    return Result.isFailure(repeated) ? repeated.failure : { _tag: "Sent", sequence, repeated: true }
  })

  const send = (append: EncodedAppend, one: Outgoing): Effect.Effect<Sent | Reused, Failure> =>
    Effect.flatMap(
      // The same message may be sent any number of times: the server knows its id.
      patiently(jetstream.publish(one.subject, one.payload, one.headers)),
      ({ duplicate, sequence }) =>
        duplicate ? known(append, one, sequence) : Effect.succeed({ _tag: "Sent", sequence, repeated: false })
    )

  /** The messages of one key: each when the one before it is stored. */
  const inOrder = Effect.fnUntraced(function* (
    append: EncodedAppend,
    messages: ReadonlyArray<Outgoing>
  ): Effect.fn.Return<Sent | Reused | undefined, Failure> {
    let last: Sent | undefined
    for (const one of messages) {
      const sent = yield* send(append, one)
      if (sent._tag === "IdReused") return sent
      last = { ...sent, repeated: sent.repeated && (last?.repeated ?? true) }
    }
    return last
  })

  return (append: EncodedAppend, messages: ReadonlyArray<Outgoing>): Effect.Effect<Outcome, Failure> => {
    const byKey = new Map<string, Array<Outgoing>>()
    for (const one of messages) {
      const ofKey = byKey.get(one.key)
      if (ofKey === undefined) byKey.set(one.key, [one])
      else ofKey.push(one)
    }
    const all = Effect.forEach(byKey.values(), (ofKey) => inOrder(append, ofKey), { concurrency: atATime })
    return Effect.map(all, (ended): Outcome => {
      let last = 0
      let repeated = true
      for (const one of ended) {
        if (one?._tag === "IdReused") return one
        last = Math.max(last, one?.sequence ?? 0)
        repeated &&= one?.repeated ?? true
      }
      const where = { revision: Revision.make(last), position: Position.make(endOf(last)), repeated }
      return { _tag: "Appended", results: [where] }
    })
  }
}
