// The log of the bus on JetStream: what it gives back unchanged, what it knows already, what it refuses, what it lets go.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as DateTime from "effect/DateTime"
import type { Message } from "evolvent/Bus"
import * as EventFilter from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import { join, layoutOf, message, numberOf, receive, until } from "./support/busing.ts"
import type { Joined } from "./support/busing.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

/** All messages that are stored, in their order. */
const stored = ({ store }: Joined) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.category("$bus"))), (events) =>
    events.map(({ data, metadata }): Message => ({ ...(data as unknown as Message), metadata }))
  )

/** The streams of the bus that hold messages. */
const streams = ({ store }: Joined) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.category("$bus"))), (events) => [
    ...new Set(events.map(({ stream }) => stream))
  ])

const hostile = [
  "",
  " ",
  "a ",
  "\u00a0a",
  '"',
  '"a"',
  "\r\nNats-Msg-Id: stolen",
  "a\nb",
  "\u0000\u0001\u007f\u0085\u2028\u2029\ufeff",
  "😀 Ł ﷽ 漢",
  "a:b, c;d=e",
  '\\"\\u0041',
  "x".repeat(10_000),
  "😀".repeat(2500)
]

it("keys, types and metadata of any shape come back as they were", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* join(server.url, layoutOf("hostile"))
      const sent = hostile.map((text, n) => {
        const short = text.slice(0, 100)
        return message("k", n, {
          key: text.slice(0, 5000),
          type: `type ${short.replaceAll("\u0000", "")}`,
          category: `cat ${short}`,
          stream: StreamName.make("Order", `${short.replaceAll("\u0000", "")} `),
          metadata: {
            actor: text,
            correlationId: short,
            causationId: short,
            traceparent: short,
            tracestate: short,
            commandId: text,
            ["a key: " + short]: { [short]: [short, 1.5, null, true] }
          }
        })
      })
      const others: ReadonlyArray<Message["metadata"]> = [
        {},
        { actor: "" },
        { ["__proto__"]: { a: 1 }, constructor: 1 },
        { tracestate: [1], "Ev-Actor": "me", "Ev-Metadata": "me" }
      ]
      const more = others.map((metadata, n) => message("others", n, { metadata }))
      yield* joined.bus.publish([...sent, ...more])
      const byId = new Map((yield* stored(joined)).map((one) => [one.id, one]))
      for (const one of [...sent, ...more]) expect(byId.get(one.id)).toEqual(one)
      const got = yield* receive(joined.bus, "group")
      yield* until(
        "those of its category arrive",
        Effect.sync(() => got.length === others.length)
      )
    })
  ))

it("an id that is known with other content is refused, on whatever subject it stands; metadata is no content", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* join(server.url, layoutOf("known"))
      const { bus } = joined
      const one = message("a", 0, { data: { n: 0, b: [1, { c: 2, d: 3 }] } })
      yield* bus.publish([one])
      const changes: ReadonlyArray<Partial<Message>> = [
        { data: { n: 0, b: [1, { c: 2 }] } },
        { type: "Other" },
        { category: "Other" },
        { key: "another key" },
        { stream: StreamName.make("Order", "other") },
        { revision: Revision.make(7) },
        { schemaVersion: 2 }
      ]
      for (const [n, change] of changes.entries()) {
        const behind = message(change.key ?? "a", 100 + n)
        const call = bus.publish([{ ...one, ...change }, behind, message("beside", n)])
        const error = yield* Effect.flip(call)
        expect([Object.keys(change), error.reason._tag]).toEqual([Object.keys(change), "MessageIdReused"])
      }
      yield* bus.publish([{ ...one, metadata: { actor: "else" }, data: { b: [1, { d: 3, c: 2 }], n: 0 } }])
      const all = yield* stored(joined)
      expect(all.filter(({ id }) => id === one.id)).toEqual([one])
      expect(all.length).toBe(1 + changes.length)
    })
  ))

it("a repeat is known for as long as the server remembers ids, and says so; then it is one more message", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* join(server.url, layoutOf("window", 500))
      const { idempotency } = joined.store.capabilities
      expect(idempotency === "forever" ? idempotency : Duration.toMillis(idempotency)).toBe(500)
      const all = [message("a", 0), message("a", 1)]
      yield* joined.bus.publish(all)
      yield* joined.bus.publish(all)
      expect((yield* stored(joined)).map(numberOf)).toEqual([0, 1])
      yield* Effect.sleep("1500 millis")
      yield* joined.bus.publish(all)
      expect((yield* stored(joined)).map(numberOf)).toEqual([0, 1, 0, 1])
    })
  ))

it("what cannot be one message is refused before anything of its key behind it is sent", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* join(server.url, layoutOf("large"))
      const { bus } = joined
      const reasonOf = (...messages: ReadonlyArray<Message>) =>
        Effect.map(Effect.flip(bus.publish(messages)), ({ reason }) => reason._tag)
      const large = message("a", 1, { data: "x".repeat(joined.store.capabilities.maxAppendBytes) })
      expect(yield* reasonOf(large)).toBe("AppendTooLarge")
      expect(yield* reasonOf(message("a", 0), large, message("a", 2))).toBe("AppendTooLarge")
      const wordy = message("b", 1, { metadata: { words: "😀".repeat(20_000) } })
      expect(yield* reasonOf(wordy, message("b", 2))).toBe("UnstorableContent")
      expect(yield* reasonOf(message("c", 1, { type: "漢".repeat(400) }))).toBe("UnstorableContent")
      expect(yield* reasonOf({ ...message("d", 1), id: "no id" as Message["id"] })).toBe("UnstorableContent")
      expect((yield* stored(joined)).map(numberOf)).toEqual([0])
      // As much as there is room for.
      const full = message("e", 1, { data: "x".repeat(joined.store.capabilities.maxAppendBytes - 1000) })
      const many = Array.from({ length: 6 }, (_, n) => message("f", n, { data: { n, text: "y".repeat(400_000) } }))
      yield* bus.publish([full, ...many])
      const all = yield* stored(joined)
      expect(all.find(({ id }) => id === full.id)).toEqual(full)
      expect(all.filter(({ key }) => key === "f").map(numberOf)).toEqual([0, 1, 2, 3, 4, 5])
    })
  ))

it("the oldest messages of a slot go, up to a position and a time, never its last one, and none of another slot", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* join(server.url, layoutOf("gone"))
      const { bus, store } = joined
      // Two keys of two slots, in turn.
      for (let n = 0; n < 6; n++) yield* bus.publish([message("a", n), message("b", n)])
      const all = yield* Stream.runCollect(store.read(EventFilter.category("$bus")))
      const [mine, other] = yield* streams(joined)
      if (mine === undefined || other === undefined) throw new Error("the two keys are of one slot")
      const ofMine = all.filter(({ stream }) => stream === mine)
      const left = (stream: StreamName.StreamName) =>
        Effect.map(Stream.runCollect(store.read(EventFilter.stream(stream))), (events) =>
          events.map(({ data }) => numberOf(data as unknown as Message))
        )
      const at = (n: number) => ofMine[n]?.position ?? Position.beginning
      const now = yield* DateTime.now
      const later = DateTime.add(now, { days: 1 })
      yield* store.truncate(mine, { before: at(2), recordedBefore: later })
      expect(yield* left(mine)).toEqual([2, 3, 4, 5])
      yield* store.truncate(mine, { before: Position.make(at(2) + 1), recordedBefore: later })
      expect(yield* left(mine)).toEqual([3, 4, 5])
      yield* store.truncate(mine, { before: at(5), recordedBefore: DateTime.subtract(now, { days: 1 }) })
      expect(yield* left(mine)).toEqual([3, 4, 5])
      const from = ofMine[4]?.recordedAt ?? now
      yield* Effect.sleep("50 millis")
      yield* store.truncate(mine, { before: Position.make(at(5) + 1), recordedBefore: from })
      expect((yield* left(mine)).includes(4)).toBe(true)
      const head = yield* store.head
      yield* store.truncate(mine, { before: Position.make(head + 1), recordedBefore: later })
      expect(yield* left(mine)).toEqual([5])
      expect(yield* left(other)).toEqual([0, 1, 2, 3, 4, 5])
      expect(yield* store.head).toBe(head)
      expect(yield* store.streamRevision(mine)).toBe(ofMine[5]?.revision)
      const [gone, last] = [ofMine[0], ofMine[5]]
      if (gone === undefined || last === undefined) throw new Error("there were six")
      expect(yield* store.find(mine, gone.id)).toBe(undefined)
      expect((yield* store.find(mine, last.id))?.revision).toBe(last.revision)
      expect(yield* left(StreamName.make("$bus", "nobody"))).toEqual([])
      yield* store.truncate(StreamName.make("$bus", "nobody"), { before: head, recordedBefore: later })
      // A group that begins now gets what there is; ids that were removed may come again after the window.
      const got = yield* receive(bus, "late")
      yield* until(
        "what is left arrives",
        Effect.sync(() => got.length === 7)
      )
    })
  ))

it("the sweep of the bus removes what is old and was handled, and keeps what is parked", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* join(server.url, layoutOf("swept"), { retention: "2 seconds" })
      const { bus } = joined
      let isBroken = true
      yield* receive(bus, "all")
      yield* Effect.forkScoped(
        bus.subscribe("broken", { topics: [{ category: "Order" }] }, (one) =>
          isBroken && numberOf(one) === 2 ? Effect.die("no") : Effect.void
        )
      )
      yield* bus.publish([0, 1, 2, 3].map((n) => message("k", n)))
      const is = (expected: ReadonlyArray<number>) =>
        until(
          `${expected.join()} are kept`,
          Effect.map(stored(joined), (found) => found.map(numberOf).join() === expected.join())
        )
      yield* is([2, 3])
      expect((yield* bus.parked("broken")).map((one) => numberOf(one.message))).toEqual([2, 3])
      isBroken = false
      yield* bus.retry("broken")
      yield* is([3])
      yield* bus.publish([message("k", 4)])
      yield* is([4])
    })
  ))
