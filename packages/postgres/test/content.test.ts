// Names and contents of every shape come back exactly as they went in, or are refused before anything is written.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import type { EventData } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import { fresh, numbered, numbers, read, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const { events, run } = store

const names = [
  "o'neill",
  `"quoted" 'twice'`,
  "%s %d %% $1 ${x}",
  String.raw`back\slash \\ \' \x00 \u0000`,
  "../../etc/passwd",
  "😀👩‍👩‍👧‍👦",
  "العربية עברית \u202eabc",
  "line\u2028paragraph\u2029\u0085",
  "tab\tnew\nreturn\r",
  "\ufeffbom\u200b",
  "e\u0301 and é",
  "; DROP TABLE events; --",
  "NULL",
  "{1,2}",
  "-dash--",
  " ",
  "x".repeat(2590),
  "😀".repeat(640)
]

it("ids, categories and types of any shape name their own stream and nobody else's", () =>
  run(
    Effect.gen(function* () {
      const prefix = fresh().slice(5)
      const streams = names.flatMap((name) => [
        StreamName.make("Odd", `${prefix}${name}`.slice(0, 2590)),
        ...(name.includes("-") ? [] : [StreamName.make(`C${prefix}${name}`.slice(0, 2000), "1")])
      ])
      // At once, so that they share groups, and one after the other.
      const call = (stream: StreamName.StreamName, n: number) =>
        events.append(stream, [{ type: names[n % names.length]?.slice(0, 1000) ?? "T", data: { n } }], {
          expected: "noStream"
        })
      yield* Effect.all(streams.map(call), { concurrency: "unbounded" })
      for (const [n, stream] of streams.entries()) {
        const found = yield* read(store, stream)
        expect(found).toMatchObject([
          {
            stream,
            category: StreamName.category(stream),
            streamId: StreamName.id(stream),
            type: names[n % names.length]?.slice(0, 1000),
            data: { n }
          }
        ])
        const inCategory = yield* Stream.runCollect(events.read(EventFilter.category(StreamName.category(stream))))
        expect(inCategory.map((event) => event.stream)).toContain(stream)
      }
    })
  ))

it("names that differ by a space, by case or by their composition are different streams", () =>
  run(
    Effect.gen(function* () {
      const base = fresh().slice(5)
      const alike = [
        `Like-${base}`,
        `Like-${base} `,
        `like-${base}`,
        `LIKE-${base}`,
        `Like-${base}e\u0301`,
        `Like-${base}é`,
        `Like- ${base}`
      ]
      const streams = alike.map((name) => StreamName.make(name.slice(0, 4), name.slice(5)))
      yield* Effect.all(
        streams.map((stream, n) => events.append(stream, [numbered(n)], { expected: "noStream" })),
        {
          concurrency: "unbounded"
        }
      )
      for (const [n, stream] of streams.entries()) expect(yield* numbers(store, stream)).toEqual([n])
      const lower = yield* Stream.runCollect(events.read(EventFilter.category("like")))
      expect(lower.map(({ stream }) => stream)).toEqual([`like-${base}`])
    })
  ))

it("names that no index or text of PostgreSQL holds are typed errors, also beside others, and nothing is written", () =>
  run(
    Effect.gen(function* () {
      const bad: ReadonlyArray<readonly [stream: string, event: Partial<EventData>, reason: string]> = [
        [`Case-${"x".repeat(10_000)}`, {}, "InvalidStreamName"],
        [`${"x".repeat(10_000)}-1`, {}, "InvalidStreamName"],
        [`Case-${"é".repeat(1301)}`, {}, "InvalidStreamName"],
        ["Case-a\u0000b", {}, "InvalidStreamName"],
        ["Ca\u0000se-a", {}, "InvalidStreamName"],
        ["Case-\ud800", {}, "InvalidStreamName"],
        ["Case-", {}, "InvalidStreamName"],
        ["Case-1", { type: "\u0000" }, "UnstorableContent"],
        ["Case-1", { type: "\udc00" }, "UnstorableContent"],
        ["Case-1", { type: "x".repeat(100_000) }, "UnstorableContent"],
        ["Case-1", { type: "x".repeat(1001) }, "UnstorableContent"],
        ["Case-1", { data: "\ud83d" }, "UnstorableContent"],
        ["Case-1", { data: { "\ud83d": 1 } }, "UnstorableContent"],
        ["Case-1", { metadata: { odd: "\ude00" } }, "UnstorableContent"],
        ["Case-1", { schemaVersion: 2 ** 31 }, "UnstorableContent"],
        ["Case-1", { schemaVersion: Number.MAX_SAFE_INTEGER }, "UnstorableContent"]
      ]
      const good = bad.map(() => fresh())
      const calls = bad.flatMap(([stream, event], i) => [
        // As it would come from a program without types.
        Effect.flip(events.append(stream as StreamName.StreamName, [numbered(1), { ...numbered(0), ...event }])),
        Effect.as(events.append(good[i] ?? fresh(), [numbered(i)]), undefined)
      ])
      const errors = yield* Effect.all(calls, { concurrency: "unbounded" })
      for (const [i, [, , reason]] of bad.entries()) {
        expect(errors[2 * i]).toMatchObject({ _tag: "EventStoreError", isRetryable: false, reason: { _tag: reason } })
        expect(yield* numbers(store, good[i] ?? fresh())).toEqual([i])
      }
      expect(yield* numbers(store, StreamName.make("Case", "1"))).toEqual([])
    })
  ))

const deep = (levels: number): Json => {
  let value: Json = "bottom"
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? { down: value } : [value]
  return value
}

const values: ReadonlyArray<Json> = [
  ...names,
  "a\u0000b\u0000",
  { "key\u0000": "\u0001\u001f\u007f" },
  [2 ** 53 - 1, -(2 ** 53 - 1), 1e308, -1e308, 5e-324, 1e21, 1e-7, 0.1 + 0.2, 2 ** 31, 2 ** 63],
  JSON.parse('{"__proto__":{"a":1},"constructor":2,"":3,"10":1,"9":2}') as Json,
  deep(1000),
  null
]

it("data and metadata keep their value: text of every kind, NUL too, numbers at the edge, depth", () =>
  run(
    Effect.gen(function* () {
      const stream = fresh()
      yield* events.append(
        stream,
        values.map((data, i): EventData => ({
          type: "T",
          schemaVersion: i === 0 ? 2 ** 31 - 1 : 1,
          data,
          metadata: { tenant: data }
        }))
      )
      // Alone and in a group too: each is a function of its own.
      const single = values.map((data) => [fresh(), data] as const)
      for (const [one, data] of single.slice(0, 3)) yield* events.append(one, [{ type: "T", data }])
      yield* Effect.all(
        single.slice(3).map(([one, data]) => events.append(one, [{ type: "T", data }])),
        { concurrency: "unbounded" }
      )
      const stored = yield* read(store, stream)
      for (const [i, data] of values.entries()) {
        expect(JSON.stringify(stored[i]?.data)).toBe(JSON.stringify(data))
        expect(JSON.stringify(stored[i]?.metadata["tenant"])).toBe(JSON.stringify(data))
        const [alone] = yield* read(store, single[i]?.[0] ?? fresh())
        expect(JSON.stringify(alone?.data)).toBe(JSON.stringify(data))
      }
      expect(stored[0]?.schemaVersion).toBe(2 ** 31 - 1)
      // The sign of a zero is not JSON's; deeper than the limit is refused.
      yield* events.append(stream, [{ type: "T", data: -0 }])
      expect((yield* read(store, stream)).at(-1)?.data).toBe(0)
      expect(yield* Effect.flip(events.append(stream, [{ type: "T", data: deep(1002) }]))).toMatchObject({
        reason: { _tag: "UnstorableContent" }
      })
    })
  ))

it("an aggregate of bigints, dates and maps gets them back", () =>
  run(
    Effect.gen(function* () {
      const fields = {
        amount: Schema.BigInt,
        at: Schema.DateTimeUtc,
        tags: Schema.ReadonlyMap(Schema.String, Schema.Number)
      }
      const Ledger = Aggregate.make("Ledger", {
        command: Schema.TaggedUnion({ Book: fields }),
        event: Schema.TaggedUnion({ Booked: fields }),
        state: Schema.Struct({ sum: Schema.BigInt, tags: Schema.Number }),
        initial: { sum: BigInt(0), tags: 0 }
      })({
        decide: { Book: ({ amount, at, tags }) => [{ _tag: "Booked", amount, at, tags }] },
        evolve: { Booked: ({ sum, tags }, event) => ({ sum: sum + event.amount, tags: tags + event.tags.size }) }
      })
      const huge = BigInt("123456789012345678901234567890")
      const at = Schema.decodeSync(Schema.DateTimeUtcFromString)("9999-12-31T23:59:59.999Z")
      for (const amount of [huge, -huge * BigInt(2), BigInt(1)])
        yield* Aggregate.execute(Ledger, "1", { _tag: "Book", amount, at, tags: new Map([["😀", 5e-324]]) })
      const { state } = yield* Aggregate.load(Ledger, "1")
      expect(state).toEqual({ sum: BigInt(1) - huge, tags: 3 })
    })
  ))
