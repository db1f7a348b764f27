// Laws of the bus on JetStream: an order for each key, messages that anybody can read and write, ids that the server knows.
import type { Law } from "@evolvent/testing/conformance"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { EventData } from "evolvent/EventData"
import type * as Bus from "evolvent/Bus"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import { message, numberOf, receive } from "../support/busing.ts"
import { Bench, busOf, layoutOf } from "./Bench.ts"
import type { Breaking } from "./Bench.ts"
import { losingFirst } from "./Breaks.ts"
import { equal, eventually, law } from "./Law.ts"

const isBus = (subject: string): boolean => subject.includes(".bus.")

const inOrder = law(
  "Order 1 of a key no message is sent before the one in front of it is stored",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    let ofKey = 0
    const under = new Map<string, number>()
    const watching: Breaking = (jetstream) => ({
      ...jetstream,
      publish: (subject, body, headers, expectedLast) => {
        const key = headers.find(([name]) => name === "Ev-Key")?.[1]
        if (key === undefined) return jetstream.publish(subject, body, headers, expectedLast)
        const count = (by: number) =>
          Effect.sync(() => {
            under.set(key, (under.get(key) ?? 0) + by)
            ofKey = Math.max(ofKey, under.get(key) ?? 0)
          })
        // The first of each key takes longest.
        const n = Number((JSON.parse(String(body)) as { readonly n: number }).n)
        const send = Effect.andThen(Effect.sleep(30 - 10 * n), jetstream.publish(subject, body, headers, expectedLast))
        return Effect.andThen(count(1), Effect.ensuring(send, count(-1)))
      }
    })
    const { bus, store } = yield* busOf(layout, watching)
    const keys = ["a", "b", "c"]
    yield* bus.publish([0, 1, 2].flatMap((n) => keys.map((key) => message(key, n))))
    yield* equal("published three messages of each of three keys: how many of a key were on their way", ofKey, 1)
    const events = yield* Stream.runCollect(store.read(EventFilter.all({ system: true })))
    const stored = events.map(({ data }) => data as { readonly key: string; readonly data: { readonly n: number } })
    for (const key of keys) {
      const numbers = stored.filter((one) => one.key === key).map(({ data }) => data.n)
      yield* equal(`published three messages of ${key}`, numbers, [0, 1, 2])
    }
  })
)

const odd = [
  "",
  " ",
  " a",
  "a ",
  `"`,
  `"a"`,
  "a\r\nNats-Msg-Id: b",
  "\u0000",
  "\u0085",
  "\u2028",
  "\ufeff",
  "é",
  "😀",
  "a: b",
  "\u007f"
]

// oxlint-disable-next-line no-control-regex
const lineEnds = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/

const headers = law(
  "Order 2 texts of any shape come through headers as they are",
  Effect.gen(function* () {
    const { backend } = yield* Bench
    const { metadataOf, ofMetadata, textOf, valueOf } = backend.busHeaders
    for (const text of [...odd, "\ud800"]) {
      const value = valueOf(text)
      yield* equal(`made a header of ${JSON.stringify(text)}`, textOf(value), text.toWellFormed())
      const isPlain = !lineEnds.test(value) && value.trim() === value
      yield* equal(`made a header of ${JSON.stringify(text)}: whether any reader takes it for itself`, isPlain, true)
      const metadata = { correlationId: text, actor: text, other: text, [text]: 1 }
      const made = new Map(ofMetadata(JSON.stringify(metadata)))
      const back = metadataOf((name) => made.get(name)) as Record<string, unknown>
      yield* equal(`made headers of metadata with ${JSON.stringify(text)}`, back["correlationId"], text.toWellFormed())
      yield* equal(`made headers of metadata with ${JSON.stringify(text)}`, back[text.toWellFormed()] ?? back[text], 1)
    }
    const layout = yield* layoutOf()
    const { bus } = yield* busOf(layout)
    const got = yield* receive(bus, "group")
    // No type of an event holds NUL.
    const sent = odd.map((text, n) =>
      message("k", n, {
        key: `k${text}`,
        type: `T${text.replace("\0", "")}`,
        metadata: { actor: text, more: { [text]: text } }
      })
    )
    yield* bus.publish(sent)
    yield* eventually(
      "published messages with odd texts",
      "all come",
      Effect.succeed(got),
      ({ length }) => length >= sent.length,
      4000
    )
    const show = (all: typeof got) =>
      all
        .map(({ key, metadata, type }) => JSON.stringify([key, type, metadata["actor"], metadata["more"]]))
        .toSorted((a, b) => (a < b ? -1 : 1))
    yield* equal("published messages with odd texts", show(got), show(sent))
  })
)

const foreign = law(
  "Order 3 nothing that others send to the stream of the bus stops a group",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { bus, jetstream } = yield* busOf(layout)
    const base = `${layout.settings.prefix}.bus.`
    const bodies = ["", "hello", "{", `{"n": 1}`, "\ud800", "[]"]
    const known = ["Ev-Type", "Ev-Category", "Ev-Schema-Version", "Ev-Stream", "Ev-Revision", "Ev-Key", "Ev-Metadata"]
    for (const body of bodies) yield* jetstream.publish(`${base}0.Order.Placed`, body, [])
    for (const value of [`"`, `"x`, "{}", "null", "-1", "1e99", "1.5", "x", "[1"]) {
      for (const header of known) yield* jetstream.publish(`${base}0.Order.Placed`, `{"n":2}`, [[header, value]])
    }
    for (const subject of ["0", "0.Order", "0.=.=ZZ", "0.a.b.c.d", "=.x.y"])
      yield* jetstream.publish(base + subject, "1", [])
    yield* jetstream.publish(`${base}0.Order.Placed`, `{"n":3}`, [["Nats-Msg-Id", "not a UUID"]])
    const got = yield* receive(bus, "group")
    yield* bus.publish([message("after", 99)])
    const numbers = Effect.sync(() => got.map(numberOf))
    const is = (all: ReadonlyArray<number>) => all.includes(99) && all.includes(3)
    const did = "published behind what others had sent"
    yield* eventually(did, "it comes, and so does theirs", numbers, is, 4000)
    const wrong = got.filter(
      ({ id, revision, schemaVersion }) =>
        !(EventId.isEventId(id) && Number.isSafeInteger(revision) && revision >= 0) ||
        !(Number.isSafeInteger(schemaVersion) && schemaVersion >= 1)
    )
    yield* equal(`${did}: what is no proper message`, wrong, [])
  })
)

const last = law(
  "Order 4 old messages go, and the last one of a part stays",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { bus, driver, store } = yield* busOf(layout)
    yield* bus.publish([0, 1, 2, 3].map((n) => message("k", n)))
    const events = yield* Stream.runCollect(store.read(EventFilter.all({ system: true })))
    const [event] = events
    if (event === undefined || driver.truncate === undefined) return
    const later = DateTime.makeUnsafe(Date.now() + 3_600_000)
    const left = Effect.map(Stream.runCollect(store.read(EventFilter.all({ system: true }))), ({ length }) => length)
    const { position } = events[2] ?? event
    yield* driver.truncate(event.stream, { before: position, recordedBefore: DateTime.makeUnsafe(0) })
    yield* equal("removed what was recorded in 1970 or before", yield* left, 4)
    yield* driver.truncate(event.stream, { before: position, recordedBefore: later })
    yield* equal("removed two of four messages", yield* left, 2)
    yield* driver.truncate(event.stream, { before: Position.make(Number.MAX_SAFE_INTEGER), recordedBefore: later })
    yield* equal("removed all of them", yield* left, 1)
  })
)

const known = law(
  "Order 5 a message whose answer was lost is stored once, and an id with other content is an error",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { bus, jetstream } = yield* busOf(layout, losingFirst(isBus, "answer"))
    const count = Effect.map(jetstream.info(layout.bus.name), (info) => info?.state.messages)
    yield* bus.publish([0, 1].map((n) => message("k", n)))
    yield* equal("lost the answer of one of two messages", yield* count, 2)
    yield* bus.publish([0, 1, 2].map((n) => message("k", n)))
    yield* equal("published them again with one more", yield* count, 3)
    const id = EventId.derive("message", "k 1", 0)
    for (const more of [{ data: { n: 7 } }, { key: "other" }, { stream: StreamName.make("Order", "x") }]) {
      const ended = yield* Effect.result(bus.publish([message("k", 1, { id, ...more })]))
      yield* equal(`published an id again with ${JSON.stringify(more)}`, ended._tag, "Failure")
    }
    yield* equal("published an id again with other content", yield* count, 3)
  })
)

const whole = law(
  "Order 6 nothing of an append is sent that has a message there is no room for",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { jetstream, store } = yield* busOf(layout)
    const { maxPayload } = yield* jetstream.client.server
    const event = (n: number, { metadata, ...more }: Partial<Bus.Message> = {}): EventData => {
      const { category, data, id, key, revision, stream, type } = message("k", n, more)
      return { type, data: { id, key, category, type, stream, revision, data }, ...(metadata && { metadata }) }
    }
    const refused = [
      { data: "x".repeat(maxPayload - 1000) },
      { metadata: { note: "x".repeat(66_000) } },
      { type: "é".repeat(400) }
    ]
    const slot = StreamName.make("$bus", "0")
    for (const [i, more] of refused.entries()) {
      const ended = yield* Effect.result(store.append(slot, [event(i), event(100 + i, more)]))
      yield* equal(`published a message that there is no room for (${i})`, ended._tag, "Failure")
      const count = (yield* jetstream.info(layout.bus.name))?.state.messages
      yield* equal("published it with one that there is room for", count, 0)
    }
    yield* store.append(slot, [event(1), event(2)])
    yield* equal("published two", (yield* jetstream.info(layout.bus.name))?.state.messages, 2)
  })
)

/** Laws of the bus. */
export const buses: ReadonlyArray<Law<Bench>> = [inOrder, headers, foreign, last, known, whole]
