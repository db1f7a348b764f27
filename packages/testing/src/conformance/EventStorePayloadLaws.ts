// Law 8 of an event store: what goes in comes out, and what cannot is refused before anything is written.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { EventData } from "evolvent/EventData"
import type { EventId } from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

const deep = (levels: number): Json => {
  let value: Json = "bottom"
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? { down: value } : [value, i]
  return value
}

const payloads: ReadonlyArray<readonly [what: string, data: Json]> = [
  ["an empty object", {}],
  ["an empty list", []],
  ["null", null],
  ["true", true],
  ["a number", 7],
  ["an empty text", ""],
  ["empty things within", { a: {}, b: [], c: null, d: "", e: [[], {}] }],
  ["unicode", { ä: "ß", "😀": "👩‍👩‍👧‍👦", rtl: "العربية", cjk: "中文", combining: "e\u0301 é", zero: "\u200b\ufeff\u2028" }],
  ["control characters", { text: "\u0001\u001f\t\r\n\b\f\u007f" }],
  ["text that looks like an escape", { text: String.raw`\u0000 \n "quoted" 'single' \\ </script>` }],
  ["numbers", { numbers: [0, -1, 1.5, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 0.1 + 0.2] }],
  ["whole numbers at the edge", { numbers: [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31, 2 ** 53] }],
  ["large numbers as text", { bigint: "123456789012345678901234567890", decimal: "0.100000000000000000001" }],
  ["keys with a meaning elsewhere", JSON.parse(`{"__proto__":1,"constructor":2,"":3,"a.b":4,"0":5}`) as Json],
  ["depth", deep(200)],
  ["a long text", { text: "long ".repeat(2000) }],
  ["a wide object", Object.fromEntries(Fresh.range(500).map((i) => [`key${i}`, i]))]
]

const roundTrip = law(
  "EventStore 8.3 data, metadata, type and schemaVersion come back as they were",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const events = payloads.map(([what, data], i): EventData => ({
      type: `Type "${what}" 😀`,
      schemaVersion: 1 + i * 1000,
      data,
      metadata: { actor: `ada '${i}' 😀`, tenant: data }
    }))
    yield* store.append(stream, events)
    const stored = yield* Contents.ofStream(stream)
    for (const [i, [what, data]] of payloads.entries()) {
      const found = stored[i]
      // Through text, so that not even a zero's sign or an order of elements is overlooked.
      yield* Check.equal(`stored ${what}: data`, canonical(found?.data), canonical(data))
      yield* Check.equal(`stored ${what}: metadata`, canonical(found?.metadata["tenant"]), canonical(data))
      yield* Check.equal(
        `stored ${what}: actor, type and schemaVersion`,
        [found?.metadata.actor, found?.type, found?.schemaVersion],
        [events[i]?.metadata?.actor, events[i]?.type, events[i]?.schemaVersion]
      )
    }
  })
)

const canonical = (value: Json | undefined): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))
      : inner
  )

const sized = (text: string): EventData => ({ type: "Large", data: text })

const sizes = law(
  "EventStore 8.4 an append up to the declared size is taken; a larger one is refused before anything is written",
  Effect.gen(function* () {
    const store = yield* EventStore
    const { maxAppendBytes } = store.capabilities
    const stream = yield* Fresh.stream()
    // Quotes and metadata take a few bytes.
    const room = maxAppendBytes - 64
    yield* store.append(stream, [sized("x".repeat(room))])
    yield* store.append(stream, [sized("é".repeat(Math.floor(room / 2)))])
    const [first, second] = yield* Contents.ofStream(stream)
    const lengths = [first, second].map((event) => String(event?.data).length)
    yield* Check.equal("stored two texts just below the limit: their lengths", lengths, [room, Math.floor(room / 2)])
    const half = "x".repeat(Math.ceil(maxAppendBytes / 2))
    const tooLarge: ReadonlyArray<readonly [string, ReadonlyArray<EventData>]> = [
      ["a text of the limit's length, and its quotes", [sized("x".repeat(maxAppendBytes))]],
      ["a text of two-byte characters, half as long", [sized("é".repeat(Math.ceil(maxAppendBytes / 2)))]],
      ["two events that are too large together", [sized(half), sized(half)]],
      ["an event with too much metadata", [{ ...sized(half), metadata: { half } }]]
    ]
    for (const [what, events] of tooLarge) {
      const reason = yield* Check.refusedBecause(`appended ${what}`, store.append(stream, events), "AppendTooLarge")
      const says = [reason.maxBytes, reason.bytes > maxAppendBytes]
      yield* Check.equal(`appended ${what}: what the error says`, says, [maxAppendBytes, true])
    }
    yield* Check.equal("counted the stream's events", (yield* Contents.ofStream(stream)).length, 2)
  })
)

class Money {
  readonly amount = 1
}
const circle: { self?: unknown } = {}
circle.self = circle

const notJson: ReadonlyArray<readonly [what: string, value: unknown]> = [
  ["a lone surrogate", "\ud800"],
  ["a key that is a lone surrogate", { "\udc00": 1 }],
  ["NaN", Number.NaN],
  ["Infinity", { deep: [Number.POSITIVE_INFINITY] }],
  ["undefined", { value: undefined }],
  ["a function", { value: () => 1 }],
  ["a bigint", { value: 1n }],
  ["a Date", { value: new Date(0) }],
  ["an instance of a class", new Money()],
  ["a Map", new Map([["a", 1]])],
  ["an object within itself", circle]
]

const unstorable = law(
  "EventStore 8.5 what is not JSON is refused with a typed error, and nothing of the append is written",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    for (const [what, value] of notJson) {
      const inData = [...Fresh.events(1), { type: "Odd", data: value as Json }]
      yield* Check.refusedBecause(`appended ${what} as data`, store.append(stream, inData), "UnstorableContent")
      const inMetadata = [{ type: "Odd", data: null, metadata: { odd: [value as Json] } }]
      yield* Check.refusedBecause(`appended ${what} in metadata`, store.append(stream, inMetadata), "UnstorableContent")
    }
    yield* Contents.are("was refused each time", stream, [])
  })
)

const nul = law(
  "EventStore 8.6 the NUL character comes back, or is refused with a typed error and nothing is written",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const data = { text: "a\u0000b" }
    const result = yield* Effect.result(store.append(stream, [...Fresh.events(1), { type: "Nul", data }]))
    const stored = yield* Contents.ofStream(stream)
    if (result._tag === "Success") return yield* Check.equal("stored a NUL: the data", stored[1]?.data, data)
    const error = result.failure
    const typed = error._tag === "EventStoreError" && error.reason._tag === "UnstorableContent"
    yield* Check.holds("stored a NUL", "it is taken, or UnstorableContent", typed, error)
    yield* Check.equal("was refused: events in the stream", stored.length, 0)
  })
)

const badEvents: ReadonlyArray<readonly [what: string, change: Partial<EventData>]> = [
  ["no type", { type: "" }],
  ["a type with NUL", { type: "a\u0000" }],
  ["an ill-formed type", { type: "\ud800" }],
  ["schemaVersion 0", { schemaVersion: 0 }],
  ["schemaVersion 1.5", { schemaVersion: 1.5 }],
  ["an id that is no UUID", { id: "one" as EventId }],
  ["an id in upper case", { id: "0198C2A4-7D3E-7ABC-8DEF-0123456789AB" as EventId }]
]

const badFields = law(
  "EventStore 8.7 an event without a proper type, schemaVersion or id is refused before anything is written",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    for (const [what, change] of badEvents) {
      const events = [...Fresh.events(1), { type: "Bad", data: null, ...change }]
      yield* Check.refusedBecause(`appended an event with ${what}`, store.append(stream, events), "UnstorableContent")
    }
    yield* Contents.are("was refused each time", stream, [])
  })
)

const neighbours = law(
  "EventStore 8.8 an append that is refused does nothing to those made at the same time",
  Effect.gen(function* () {
    const store = yield* EventStore
    const streams = yield* Effect.forEach(Fresh.range(12), () => Fresh.stream())
    const [used] = yield* Fresh.identified(1)
    if (used !== undefined) yield* store.append(yield* Fresh.stream(), [used])
    const bad: ReadonlyArray<ReadonlyArray<EventData>> = [
      [{ type: "Odd", data: Number.NaN }],
      [{ type: "Large", data: "x".repeat(store.capabilities.maxAppendBytes) }],
      used === undefined ? [] : [{ ...used, data: "other" }],
      []
    ]
    const call = Effect.fnUntraced(function* (i: number) {
      const stream = streams[i] ?? (yield* Fresh.stream())
      if (i % 2 === 0) yield* store.append(stream, Fresh.events(2))
      else yield* store.append(stream, bad[((i - 1) / 2) % 4] ?? [], { expected: i % 8 === 7 ? "streamExists" : "any" })
    })
    const results = yield* Check.race(Fresh.range(12).map(call))
    const ended = results.map(({ _tag }) => _tag)
    const expected = Fresh.range(12).map((i) => (i % 2 === 0 ? "Success" : "Failure"))
    yield* Check.equal("made 12 appends at once, every other one bad: how each ended", ended, expected)
    for (const [i, stream] of streams.entries()) {
      yield* Contents.are("made 12 appends at once, every other one bad", stream, i % 2 === 0 ? [0, 1] : [])
    }
  })
)

/** The laws of payloads. */
export const payload = [roundTrip, sizes, unstorable, nul, badFields, neighbours]
