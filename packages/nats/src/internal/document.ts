// document: a JSON text under a key of a bucket: what it holds, who wrote it last, and a change that waits to be decided.
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"

/** A change that is to happen together with those of other documents, or not at all. */
export interface Pending {
  /** The transaction; what has become of it stands under a key of its own. */
  readonly tx: string
  readonly value: Json | undefined
}

/** What stands under a key. */
export interface Stored {
  readonly value: Json | undefined
  /** The last writes, the newest first: whose answer was lost finds its write here, also where others wrote after it. */
  readonly by: ReadonlyArray<string>
  readonly pending: Pending | undefined
}

/** A key that nobody has written. */
export const nothing: Stored = { value: undefined, by: [], pending: undefined }

const remembered = 8

/** The writes of a document after one more. */
export const written = (id: string, before: ReadonlyArray<string>): ReadonlyArray<string> => [
  id,
  ...before.slice(0, remembered - 1)
]

export const encode = ({ by, pending, value }: Stored): string => JSON.stringify({ value, by, pending })

const decodeText = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      value: Schema.optionalKey(Schema.Json),
      by: Schema.Array(Schema.String),
      pending: Schema.optionalKey(Schema.Struct({ tx: Schema.String, value: Schema.optionalKey(Schema.Json) }))
    })
  )
)

/** What a text holds; undefined where it is none of ours. */
export const decode = (text: string): Stored | undefined =>
  Option.match(decodeText(text), {
    onNone: () => undefined,
    onSome: ({ by, pending, value }) => ({
      value,
      by,
      pending: pending === undefined ? undefined : { tx: pending.tx, value: pending.value }
    })
  })

const writer = crypto.randomUUID().replaceAll("-", "").slice(0, 16)
let drawn = 0

/** A text that no other write of any process has. */
export const newId = (): string => `${writer}${(drawn++).toString(36)}`
