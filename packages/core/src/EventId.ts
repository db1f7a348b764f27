// EventId: the identity of an event in its store, a UUID that sorts by time.
import type { Brand } from "effect/Brand"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { digest } from "./internal/sha256.ts"

/**
 * The identity of an event within its store: a UUID, lower case.
 *
 * A store accepts an id once, for ever: appending the same ids again returns the first result. New ids are UUIDv7, so
 * that they sort by time and indexes stay small.
 */
export type EventId = string & Brand<"evolvent/EventId">

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether a text is a UUID in lower case. */
export const isEventId = (text: string): text is EventId => uuid.test(text)

/** The event id of a UUID. Throws a RangeError for any other text. */
export const make = (text: string): EventId => {
  const lower = text.toLowerCase()
  if (!isEventId(lower)) {
    throw new RangeError(`An event id is a UUID such as 0198c2a4-7d3e-7abc-8def-0123456789ab, but "${text}" was given.`)
  }
  return lower
}

const hex: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

const format = (b: Uint8Array, version: number): EventId => {
  const h = (i: number): string => hex[b[i] ?? 0] ?? "00"
  const versioned = hex[((b[6] ?? 0) & 0x0f) | (version << 4)] ?? "00"
  const variant = hex[((b[8] ?? 0) & 0x3f) | 0x80] ?? "80"
  return `${h(0)}${h(1)}${h(2)}${h(3)}-${h(4)}${h(5)}-${versioned}${h(7)}-${variant}${h(9)}-${h(10)}${h(11)}${h(12)}${h(13)}${h(14)}${h(15)}` as EventId
}

const writeTime = (bytes: Uint8Array, millis: number): void => {
  for (let i = 5, rest = millis; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
}

/** The UUIDv7 of a time in epoch milliseconds and ten random bytes. */
export const fromTime = (millis: number, random: Uint8Array): EventId => {
  const bytes = new Uint8Array(16)
  writeTime(bytes, millis)
  bytes.set(random.subarray(0, 10), 6)
  return format(bytes, 7)
}

// Ids of one millisecond begin alike.
let lastMillis = Number.NaN
let prefix = ""

/** A new UUIDv7: the time in front, the system's secure random numbers behind, as it writes them into its own UUIDs. */
const fresh = (millis: number): EventId => {
  if (millis !== lastMillis) {
    lastMillis = millis
    prefix = fromTime(millis, new Uint8Array(10)).slice(0, 14)
  }
  return `${prefix}7${crypto.randomUUID().slice(15)}` as EventId
}

/**
 * Where new ids come from: UUIDv7 of the fiber's clock and the system's secure random numbers.
 *
 * Provide another one to make a simulation repeatable.
 */
export const Generator: Context.Reference<(millis: number) => EventId> = Context.Reference(
  "evolvent/EventId/Generator",
  {
    defaultValue: () => fresh
  }
)

/** A new id. */
export const generate: Effect.Effect<EventId> = Effect.gen(function* () {
  const next = yield* Generator
  return next(yield* Clock.currentTimeMillis)
})

/**
 * The ids of the events that one command causes: the same command id on the same stream gives the same ids, for ever.
 *
 * They are UUIDv8: a hash, with the time of the command id in front where that is a UUIDv7 itself.
 */
export const derive = (scope: string, commandId: string, index: number): EventId => {
  const bytes = digest(`${scope.length}:${scope}${commandId.length}:${commandId}${index}`).slice(0, 16)
  if (isEventId(commandId) && commandId[14] === "7") {
    writeTime(bytes, Number.parseInt(commandId.slice(0, 8) + commandId.slice(9, 13), 16))
  }
  return format(bytes, 8)
}
