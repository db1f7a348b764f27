// Large appends: up to the declared size they are stored and can be read back by everyone, beyond it nothing is written.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
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
const { maxAppendBytes } = events.capabilities

// Texts that do not compress, as far as it matters: what PostgreSQL keeps outside of the row is still one message.
const text = (bytes: number): string => {
  let out = ""
  let x = 1
  while (out.length < 4096) out += String.fromCharCode(33 + ((x = (x * 48271) % 2147483647) % 90)).replace(/["\\]/, "x")
  return out.repeat(Math.ceil(bytes / out.length)).slice(0, bytes)
}

it(
  "one event of exactly the largest size is read, followed and found; one byte more is refused and nothing is written",
  () =>
    run(
      Effect.gen(function* () {
        const [exact, wide, all, other] = [fresh("Large"), fresh("Large"), fresh("Large"), fresh("Large")]
        // Two quotes, and the metadata's braces.
        const largest: EventData = { type: "Large", data: text(maxAppendBytes - 4) }
        const { position } = yield* events.append(exact, [largest])
        yield* events.append(wide, [{ type: "Large", data: "é😀".repeat(Math.floor((maxAppendBytes - 4) / 6)) }])
        for (const data of [text(maxAppendBytes - 3), "é".repeat(maxAppendBytes / 2)]) {
          const refused = { reason: { _tag: "AppendTooLarge", maxBytes: maxAppendBytes } }
          expect(yield* Effect.flip(events.append(other, [numbered(1), { type: "Large", data }]))).toMatchObject(
            refused
          )
          const many = events.appendAll([
            { stream: fresh(), events: [numbered(1)] },
            { stream: other, events: [{ type: "Large", data }] }
          ])
          expect(yield* Effect.flip(many)).toMatchObject(refused)
        }
        const tooMuch: EventData = { type: "Large", data: null, metadata: { tenant: text(maxAppendBytes) } }
        expect(yield* Effect.flip(events.append(other, [tooMuch]))).toMatchObject({
          reason: { _tag: "AppendTooLarge" }
        })
        expect(yield* numbers(store, other)).toEqual([])
        yield* events.append(all, [{ type: "Large", data: 1, metadata: { tenant: text(maxAppendBytes - 20) } }])

        const [stored] = yield* read(store, exact)
        expect(stored?.data === largest.data).toBe(true)
        expect(String((yield* read(store, wide))[0]?.data).length).toBe(Math.floor((maxAppendBytes - 4) / 6) * 3)
        expect(String((yield* read(store, all))[0]?.metadata["tenant"]).length).toBe(maxAppendBytes - 20)
        const category = yield* Stream.runCollect(events.read(EventFilter.category("Large")))
        expect(category.length).toBe(3)
        const pages = yield* Stream.runCollect(Stream.take(events.subscribe(EventFilter.category("Large")), 1))
        expect(pages.flatMap((page) => page.events.map(({ position: at }) => at))).toContain(position)
        if (stored !== undefined) expect((yield* events.find(exact, stored.id))?.data === largest.data).toBe(true)
      })
    ),
  60_000
)

it(
  "a large append repeats, and the group that it would have been in goes on without it",
  () =>
    run(
      Effect.gen(function* () {
        const [stream, ...others] = Array.from({ length: 21 }, () => fresh())
        const large = [{ ...numbered(1), data: text(maxAppendBytes - 100) }]
        const calls = others.map((one, n) => events.append(one, [numbered(n)]))
        const [first, again] = yield* Effect.all(
          [events.append(stream ?? fresh(), large), events.append(stream ?? fresh(), large), ...calls],
          { concurrency: "unbounded" }
        )
        expect([first?.repeated, again?.repeated].toSorted()).toEqual([false, true])
        expect(again?.position).toBe(first?.position)
        for (const [n, one] of others.entries()) expect(yield* numbers(store, one)).toEqual([n])
      })
    ),
  60_000
)

it(
  "512 events of 16 KB, 10 000 events, and many at once: stored in order, read in pages",
  () =>
    run(
      Effect.gen(function* () {
        const [heavy, long] = [fresh(), fresh()]
        const kilobytes = text(16 * 1024 - 40)
        const appended = yield* Effect.all(
          [
            events.append(
              heavy,
              Array.from({ length: 512 }, (_, n) => ({ type: "Heavy", data: { n, kilobytes } })),
              {
                expected: "noStream"
              }
            ),
            events.append(
              long,
              Array.from({ length: 10_000 }, (_, n) => numbered(n))
            ),
            ...Array.from({ length: 10 }, (_, n) => events.append(fresh(), [numbered(n)]))
          ],
          { concurrency: "unbounded" }
        )
        expect(appended.slice(0, 2).map(({ revision }) => revision)).toEqual([511, 9999])
        expect(yield* numbers(store, heavy)).toEqual(Array.from({ length: 512 }, (_, n) => n))
        const all = yield* read(store, long)
        expect(all.every(({ data, revision }, n) => revision === n && (data as { n: number }).n === n)).toBe(true)
        expect(all.every(({ position }, n) => n === 0 || position > (all[n - 1]?.position ?? 0))).toBe(true)
        expect(all.length).toBe(10_000)
      })
    ),
  60_000
)

it(
  "an aggregate with an event of the largest size loads and goes on",
  () =>
    run(
      Effect.gen(function* () {
        const Archive = Aggregate.make("Archive", {
          command: Schema.TaggedUnion({ Keep: { size: Schema.Int } }),
          event: Schema.TaggedUnion({ Kept: { content: Schema.String } }),
          state: Schema.Struct({ sizes: Schema.Array(Schema.Int) }),
          initial: { sizes: [] }
        })({
          decide: { Keep: ({ size }) => [{ _tag: "Kept", content: text(size) }] },
          evolve: { Kept: ({ sizes }, { content }) => ({ sizes: [...sizes, content.length] }) }
        })
        const keep = (size: number) =>
          Aggregate.execute(Archive, "1", { _tag: "Keep", size }, { commandId: `keep ${size}` })
        const most = maxAppendBytes - 400
        yield* keep(most)
        expect((yield* keep(most)).repeated).toBe(true)
        expect(yield* Effect.flip(keep(maxAppendBytes))).toMatchObject({ reason: { _tag: "AppendTooLarge" } })
        yield* keep(1)
        expect((yield* Aggregate.load(Archive, "1")).state.sizes).toEqual([most, 1])
        expect((yield* read(store, StreamName.make("Archive", "1"))).length).toBe(2)
      })
    ),
  60_000
)
