// remove: a tombstone becomes the last message of a stream, and then those before it go.
//
// These are two steps. From the first on the stream takes nothing and is loaded as removed; who dies in between, or is not let
// by the server, leaves messages that are still read, and that go when the removal is asked for again.
import * as Effect from "effect/Effect"
import type { EncodedRemoval, Outcome } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import type { AppendOne, Parts } from "./append.ts"
import { endOf, sequenceOf, tailOf } from "./eventMessage.ts"
import { asStoreError } from "./failures.ts"

/** Removes a stream, in its turn. */
export const make = ({ jetstream, log }: Parts, append: AppendOne) => {
  const failed = asStoreError("remove")
  return Effect.fnUntraced(function* (
    { category, expected, stream, tombstone }: EncodedRemoval,
    subject: string
  ): Effect.fn.Return<Outcome, EventStoreError> {
    const last = yield* Effect.mapError(jetstream.last(log, subject), failed)
    const ended =
      last?.header("Nats-Msg-Id") === tombstone.id
        ? ({
            _tag: "Appended",
            result: { revision: tailOf(last).revision, position: endOf(last.sequence), repeated: false }
          } as const)
        : yield* append({ stream, category, expected, events: [tombstone], idsAreNew: true }, subject)
    if (ended._tag !== "Appended") return ended
    const sequence = sequenceOf(ended.result.position)
    // Of an imported log it may be the first message of all.
    if (sequence > 1) yield* Effect.mapError(jetstream.purge(log, subject, sequence), failed)
    return { _tag: "Appended", results: [ended.result] }
  })
}
