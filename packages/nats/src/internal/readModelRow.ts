// readModelRow: a row as an entry of the bucket, and back: the value is the row's text, headers hold what belongs to it.
import * as Result from "effect/Result"
import * as Position from "evolvent/Position"
import type { EncodedRow, IndexValue } from "evolvent/ReadModelStore"
import type { Headers } from "../NatsClient.ts"
import { bytesOf } from "./bucket.ts"
import * as names from "./names.ts"

/** A row on its way into the bucket: its key as a token, its text unless it is removed, and its headers. */
export interface Writing {
  readonly token: string
  readonly position: number
  readonly value: string | undefined
  readonly headers: Headers
}

/** What there is room for in a message. */
export interface Room {
  readonly maxPayload: number
  /** How many characters of a subject stand before a row's token. */
  readonly prefix: number
}

// All headers of a message together have 64 KiB.
const maxIndexBytes = 60_000

const surrogate = "holds half of a surrogate pair, which has no bytes of its own"

/** A row to be written, or why it cannot be stored. */
export const encode = (row: EncodedRow, { maxPayload, prefix }: Room): Result.Result<Writing, string> => {
  const { index, key, position, row: value } = row
  const token = names.token(key)
  if (Result.isFailure(token)) return Result.fail(`its key ${surrogate}`)
  const length = prefix + token.success.length
  if (length > names.longestSubject) {
    return Result.fail(`its key makes a subject of ${length} characters, and NATS has room for ${names.longestSubject}`)
  }
  const place: Headers = [["Ev-Position", String(position)]]
  if (value === undefined) return Result.succeed({ token: token.success, position, value, headers: place })
  if (!value.isWellFormed()) return Result.fail(`it ${surrogate}`)
  const values = indexText(index)
  const indexBytes = Buffer.byteLength(values)
  if (indexBytes > maxIndexBytes) {
    return Result.fail(`its indexes make ${indexBytes} bytes, and headers have room for ${maxIndexBytes}`)
  }
  const headers: Headers = values === "{}" ? place : [...place, ["Ev-Index", values]]
  const bytes = bytesOf(value, headers) + length
  return bytes <= maxPayload
    ? Result.succeed({ token: token.success, position, value, headers })
    : Result.fail(`it makes a message of ${bytes} bytes, and the server takes ${maxPayload}`)
}

/** An entry of the bucket, or a message that makes one. */
export interface Stored {
  readonly header: (name: string) => string | undefined
  readonly text: () => string
}

/** Whether an entry is the mark of a deleted key. */
export const isRemoved = ({ header }: Stored): boolean => header("KV-Operation") !== undefined

/**
 * A stored row; a removed one as its position, and nothing at all where somebody else deleted the key. Fails with what is
 * wrong with an entry that is none of ours.
 */
export const decode = (key: string, stored: Stored): Result.Result<EncodedRow | undefined, string> => {
  const removed = isRemoved(stored)
  const place = stored.header("Ev-Position")
  if (place === undefined && removed) return Result.succeed(undefined)
  const position = place === undefined ? Number.NaN : Number(place)
  if (!Number.isSafeInteger(position) || position < 0) return foreign("it has no position")
  if (removed) return Result.succeed({ key, position: Position.make(position), row: undefined, index: {} })
  const index = indexOf(stored.header("Ev-Index"))
  return index === undefined
    ? foreign("the values of its indexes cannot be read")
    : Result.succeed({ key, position: Position.make(position), row: stored.text(), index })
}

const foreign = (problem: string) =>
  Result.fail(`it was not written by evolvent, ${problem}; nobody else may write to the bucket of the rows`)

// In JSON no header is cut short by a line break. It has no bigint and no infinity, and JSON.stringify makes 0 of -0: those
// are kept by their names.
const indexText = (index: Readonly<Record<string, IndexValue>>): string => {
  const plain = Object.entries(index).map(([field, value]) => {
    if (typeof value === "bigint") return [field, { bigint: String(value) }]
    if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return [field, value]
    return [field, { number: Object.is(value, -0) ? "-0" : String(value) }]
  })
  return JSON.stringify(Object.fromEntries(plain))
}

const indexOf = (text: string | undefined): Readonly<Record<string, IndexValue>> | undefined => {
  if (text === undefined) return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== "object" || parsed === null) return undefined
  const fields: Array<readonly [string, IndexValue]> = []
  for (const [field, kept] of Object.entries(parsed) as ReadonlyArray<[string, unknown]>) {
    const value = valueOf(kept)
    if (value === undefined) return undefined
    fields.push([field, value])
  }
  return Object.fromEntries(fields)
}

const valueOf = (kept: unknown): IndexValue | undefined => {
  if (typeof kept === "string" || typeof kept === "number" || typeof kept === "boolean") return kept
  if (typeof kept !== "object" || kept === null) return undefined
  if ("number" in kept && typeof kept.number === "string") return Number(kept.number)
  return "bigint" in kept && typeof kept.bigint === "string" && /^-?\d+$/.test(kept.bigint)
    ? BigInt(kept.bigint)
    : undefined
}
