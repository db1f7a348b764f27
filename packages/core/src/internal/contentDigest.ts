// contentDigest: one hash of many events in their order; equal for equal events, on whatever backend they are.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { EncodedRecorded } from "../EventStore.ts"
import { canonical } from "./json.ts"

// Web cryptography answers in a promise each: so many events share one.
const perBlock = 1024

const encoder = new TextEncoder()

/** The SHA-256 of bytes in lower-case hexadecimal. */
export const sha256 = (bytes: Uint8Array<ArrayBuffer>): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", bytes)),
    (hash) => Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("")
  )

/** The SHA-256 of a text's UTF-8. */
export const sha256Text = (text: string): Effect.Effect<string> => sha256(encoder.encode(text))

/** What counts of events: everything but their positions, which each store gives by itself. */
const contentOf = (): ((event: EncodedRecorded) => string) => {
  let [metadata, ofMetadata] = ["{}", "{}"]
  return (event) => {
    const { id, parsed, recordedAt, revision, schemaVersion, stream, type } = event
    const head = JSON.stringify([id, stream, revision, type, schemaVersion, recordedAt])
    if (parsed !== undefined) return `${head}${canonical(parsed.metadata as Json)}${canonical(parsed.data)}\n`
    // Neighbours mostly share it.
    if (event.metadata !== metadata) {
      metadata = event.metadata
      ofMetadata = canonical(JSON.parse(metadata) as Json)
    }
    return `${head}${ofMetadata}${canonical(JSON.parse(event.data) as Json)}\n`
  }
}

/** Whether two events are the same one, wherever they are stored. */
export const isSame = (self: EncodedRecorded, that: EncodedRecorded): boolean =>
  self.id === that.id && contentOf()(self) === contentOf()(that)

/** The hash of a growing list of events. */
export interface ContentDigest {
  readonly add: (events: ReadonlyArray<EncodedRecorded>) => Effect.Effect<void>
  /** Of what was added so far; more may follow. */
  readonly value: Effect.Effect<string>
  readonly count: () => number
}

/** Of no events yet. Whatever pages they come in, the same events have the same hash. */
export const make = (): ContentDigest => {
  const content = contentOf()
  let [chain, text, inBlock, count] = ["", "", 0, 0]
  const fold = Effect.suspend(() => sha256Text(`${chain}\n${text}`))
  return {
    add: Effect.fnUntraced(function* (events) {
      for (const event of events) {
        text += content(event)
        count += 1
        if (++inBlock < perBlock) continue
        chain = yield* fold
        text = ""
        inBlock = 0
      }
    }),
    value: Effect.suspend(() => (inBlock === 0 && count > 0 ? Effect.succeed(chain) : fold)),
    count: () => count
  }
}
