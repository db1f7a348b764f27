// idClaims: for which append an event id was given, so that a repeat is known for ever, whatever the append expected.
//
// A claim is written before its append: the stream, and the number of the stream's last message then. That append can only
// have become the first message behind it. Whoever wants to append the same id first makes the claim its own, and can only
// do so where the append before it has come through or cannot any more.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { EventId } from "evolvent/EventId"
import type { Bucket } from "./bucket.ts"
import { never } from "./bucket.ts"
import type { Failure, JetStream, StoredMessage } from "./jetstream.ts"

const Claim = Schema.fromJsonString(Schema.Struct({ subject: Schema.String, after: Schema.Int, by: Schema.String }))
type Claim = typeof Claim.Type
const decode = Schema.decodeUnknownResult(Claim)

/** What became of claiming an id: it is ours, it was stored, or another stream's append may still come through with it. */
export type Claimed =
  | { readonly _tag: "Ours" }
  | { readonly _tag: "Stored"; readonly message: StoredMessage }
  | { readonly _tag: "Elsewhere"; readonly subject: string }
  /** The stream has grown since its end was looked up. */
  | { readonly _tag: "Stale" }

export const make = (
  jetstream: JetStream,
  log: string,
  bucket: Bucket,
  holds: (message: StoredMessage, id: EventId) => boolean
) => {
  const read = (id: EventId): Effect.Effect<{ claim: Claim; revision: number } | undefined, Failure> =>
    Effect.map(bucket.get(id), (entry) => {
      const claim = entry?.value === undefined ? undefined : Result.getOrUndefined(decode(entry.value))
      return entry === undefined || claim === undefined ? undefined : { claim, revision: entry.revision }
    })

  const behind = ({ after, subject }: Claim) => jetstream.next(log, subject, after + 1)

  /** Claims an id for an append behind message `after` of a subject. */
  const claim = (id: EventId, subject: string, after: number, replaces = never): Effect.Effect<Claimed, Failure> => {
    const by = crypto.randomUUID()
    const isMine = ({ value }: { readonly value: string | undefined }) => value?.includes(by) === true
    return Effect.flatMap(bucket.set(id, JSON.stringify({ subject, after, by }), replaces, isMine), (written) => {
      if (written !== undefined) return Effect.succeed({ _tag: "Ours" })
      return Effect.flatMap(read(id), (there): Effect.Effect<Claimed, Failure> => {
        if (there === undefined) return claim(id, subject, after)
        return Effect.flatMap(behind(there.claim), (message): Effect.Effect<Claimed, Failure> => {
          if (message !== undefined) {
            // That append came through, or another one was faster: then it never will.
            return holds(message, id)
              ? Effect.succeed({ _tag: "Stored", message })
              : claim(id, subject, after, there.revision)
          }
          if (there.claim.subject !== subject) {
            return Effect.succeed({ _tag: "Elsewhere", subject: there.claim.subject })
          }
          return Effect.succeed({ _tag: there.claim.after === after ? "Ours" : "Stale" })
        })
      })
    })
  }

  /** Claims an id for whoever alone may append now; true where it is stored already. */
  const assign = (id: EventId, subject: string, after: number): Effect.Effect<boolean, Failure> =>
    Effect.flatMap(claim(id, subject, after), (claimed) => {
      if (claimed._tag === "Ours") return Effect.succeed(false)
      if (claimed._tag === "Stored") return Effect.succeed(true)
      // Of an append that did not come through, and cannot any more.
      return Effect.flatMap(read(id), (there) =>
        Effect.flatMap(claim(id, subject, after, there?.revision ?? never), ({ _tag }) =>
          _tag === "Ours" ? Effect.succeed(false) : assign(id, subject, after)
        )
      )
    })

  return {
    claim: (id: EventId, subject: string, after: number) => claim(id, subject, after),
    assign,
    /** The only message that can hold an event whose id was claimed; "unclaimed" where nobody ever did. */
    find: (id: EventId): Effect.Effect<StoredMessage | "unclaimed" | undefined, Failure> =>
      Effect.flatMap(read(id), (there): Effect.Effect<StoredMessage | "unclaimed" | undefined, Failure> =>
        there === undefined ? Effect.succeed("unclaimed") : behind(there.claim)
      )
  }
}

export type IdClaims = ReturnType<typeof make>
