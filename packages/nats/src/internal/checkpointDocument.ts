// checkpointDocument: the checkpoints below one name as one document, with their leases and with who shares the work.
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import * as names from "./names.ts"

const Stopped = Schema.Struct({
  problem: Schema.String,
  eventId: Schema.optionalKey(Schema.String),
  stream: Schema.optionalKey(Schema.String),
  position: Schema.optionalKey(Schema.Int)
})

/** Whoever holds it: `beat` is another one each time that it says so, and `duration` how long it may be silent. */
const Held = Schema.Struct({ holder: Schema.String, duration: Schema.Number, beat: Schema.String })

const Slot = Schema.Struct({
  position: Schema.Int,
  /** The last one given out; tokens grow, so it stays when the lease is over. */
  token: Schema.Int,
  lease: Schema.optionalKey(Held),
  stopped: Schema.optionalKey(Stopped),
  /** What its reader saw last when it was moved: number and time of a message. */
  seen: Schema.optionalKey(Schema.Struct({ sequence: Schema.Int, time: Schema.Int })),
  /** Which call moved it last: who got no answer knows by it that it was done. */
  by: Schema.optionalKey(Schema.String)
})

const Attending = Schema.Struct({ ...Held.fields, partitions: Schema.Int })

const Shape = Schema.Struct({
  slots: Schema.Record(Schema.String, Slot),
  members: Schema.Array(Attending)
})

export type Held = typeof Held.Type
export type Slot = typeof Slot.Type
export type Attending = typeof Attending.Type
export type CheckpointDocument = typeof Shape.Type

const empty: CheckpointDocument = { slots: {}, members: [] }
const unseen: Slot = { position: 0, token: 0 }

const decoder = Schema.decodeUnknownResult(Shape)
// What was decoded or made here need not be looked at again: a document is taken from hand to hand.
const checked = new WeakMap<object, CheckpointDocument>()

/** The document of a value; what somebody wrote there by hand is none, since no guess about leases is a good one. */
export const of = (value: Json | undefined): Result.Result<CheckpointDocument, string> => {
  if (value === undefined) return Result.succeed(empty)
  const known = typeof value === "object" && value !== null ? checked.get(value) : undefined
  if (known !== undefined) return Result.succeed(known)
  return Result.mapBoth(decoder(value), {
    onFailure: (issue) => `what stands there is no document of checkpoints: ${issue}`,
    onSuccess: (decoded) => {
      if (typeof value === "object" && value !== null) checked.set(value, decoded)
      return decoded
    }
  })
}

export const slotOf = ({ slots }: CheckpointDocument, field: string): Slot => slots[field] ?? unseen

/** A document with other slots in the place of some of its own. */
export const withSlots = (
  document: CheckpointDocument,
  slots: ReadonlyArray<readonly [field: string, slot: Slot]>
): CheckpointDocument => keep({ ...document, slots: { ...document.slots, ...Object.fromEntries(slots) } })

export const withMembers = (document: CheckpointDocument, members: ReadonlyArray<Attending>): CheckpointDocument =>
  keep({ ...document, members })

const keep = (document: CheckpointDocument): CheckpointDocument => {
  checked.set(document, document)
  return document
}

/** Where something is kept: the key of its document, and its place within. */
export interface Place {
  readonly key: string
  readonly field: string
}

const keyOf = (base: string): Result.Result<string, string> => Result.map(names.token(base), (made) => `at.${made}`)

/** The name that a document has its key from. */
export const nameOf = (key: string): string => names.text(key.slice("at.".length))

/** Where the checkpoint of a name is: with all those that have the same name up to their last slash. */
export const placeOf = (name: string, prefix: string): Result.Result<Place, string> => {
  // All of it: the rest stands in the document, and is to be no longer than the key may be.
  const whole = Result.flatMap(keyOf(name), (key) => fits(key, prefix))
  if (Result.isFailure(whole)) return Result.fail(whole.failure)
  const slash = name.lastIndexOf("/")
  const base = slash < 0 ? name : name.slice(0, slash)
  return Result.map(keyOf(base), (key) => ({ key, field: name.slice(base.length) }))
}

/** The document of all that is below a name. */
export const documentOf = (name: string, prefix: string): Result.Result<string, string> =>
  Result.flatMap(keyOf(name), (key) => fits(key, prefix))

const fits = (key: string, prefix: string): Result.Result<string, string> => {
  const bytes = prefix.length + key.length
  return bytes <= names.longestSubject
    ? Result.succeed(key)
    : Result.fail(
        `it makes a subject of ${bytes} bytes, and ${names.longestSubject} are the most; what is no letter, digit, "_" ` +
          `or "-" counts three for each of its bytes`
      )
}
