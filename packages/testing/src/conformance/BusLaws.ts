// The laws of a bus: every group gets every message, in order per key, until it is handled or parked.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import { Bus } from "evolvent/Bus"
import type { Message } from "evolvent/Bus"
import * as Check from "./Check.ts"
import { parking } from "./BusParkLaws.ts"
import { retrying } from "./BusRetryLaws.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Receiving from "./Receiving.ts"

const { gets, inOrder, message, messages, numbersOf, receive } = Receiving

const unchanged = law(
  "Bus 1 a message arrives as it was published",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const payloads: ReadonlyArray<Json> = [
      {},
      null,
      { text: `'"😀\\`, deep: [[{ a: [1.5, -0.1, 1e21] }]] },
      "x".repeat(5000)
    ]
    const sent: Array<Message> = []
    for (const [i, data] of payloads.entries()) {
      const one = yield* message(topic, `key '${i}' 😀`, i)
      sent.push({
        ...one,
        data,
        schemaVersion: i + 1,
        metadata: { actor: `ada ${i}`, correlationId: "talk", tenant: data }
      })
    }
    yield* bus.publish(sent)
    const { got } = yield* receive(topic)
    yield* gets("published four messages", got, 4)
    for (const one of sent) {
      const found = got.find(({ id }) => id === one.id)
      yield* Check.equal(`published a message with ${JSON.stringify(one.data).slice(0, 50)}`, found, one)
    }
    yield* bus.publish([])
  })
)

const ordered = law(
  "Bus 2 the messages of a key are handled one after another, in the order of their publishing",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    let overlaps = 0
    const busy = new Set<string>()
    const early = yield* receive(topic, {
      handle: ({ key }) =>
        Effect.gen(function* () {
          if (busy.has(key)) overlaps += 1
          busy.add(key)
          for (let i = 0; i < 3; i++) yield* Effect.yieldNow
          busy.delete(key)
        })
    })
    for (let i = 0; i < 10; i++) yield* bus.publish(yield* messages(topic, 6, 4, 6 * i))
    yield* gets("published 60 messages with four keys", early.got, 60)
    yield* inOrder("published 60 messages with four keys", early.got)
    yield* Check.equal("published 60 messages: handlers of one key at the same time", overlaps, 0)
    const late = yield* receive(topic)
    yield* gets("subscribed a group later", late.got, 60)
    yield* inOrder("subscribed a group later", late.got)
  })
)

const groups = law(
  "Bus 3 each group gets every message, whenever it began to listen",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const first = yield* receive(topic)
    yield* bus.publish(yield* messages(topic, 10))
    const second = yield* receive(topic)
    yield* bus.publish(yield* messages(topic, 10, 3, 10))
    const third = yield* receive(topic)
    for (const [i, group] of [first, second, third].entries()) {
      yield* gets(`subscribed three groups, before, between and after: group ${i}`, group.got, 20)
      yield* Check.equal(
        `group ${i}: the messages`,
        numbersOf(group.got).toSorted((a, b) => a - b),
        Fresh.range(20)
      )
    }
  })
)

const shared = law(
  "Bus 4 subscribers of one group share its messages: each is handled by one of them",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const group = yield* Fresh.name("group")
    const members = yield* Effect.forEach([0, 1, 2], () => receive(topic, { group }))
    const all = () => members.flatMap(({ got }) => got)
    for (let i = 0; i < 5; i++) yield* bus.publish(yield* messages(topic, 12, 9, 12 * i))
    const did = "published 60 messages to three subscribers of one group"
    yield* Check.eventually(
      did,
      "60 are handled",
      Effect.sync(() => all().length),
      (n) => n >= 60
    )
    yield* bus.publish(yield* messages(topic, 1, 1, 60))
    yield* Check.eventually(
      did,
      "one more is handled",
      Effect.sync(() => all().length),
      (n) => n >= 61
    )
    yield* Check.equal(
      `${did}: what they got together`,
      numbersOf(all()).toSorted((a, b) => a - b),
      Fresh.range(61)
    )
    for (const { got } of members) yield* inOrder(did, got)
  })
)

const topics = law(
  "Bus 5 a group gets the categories and types it asked for",
  Effect.gen(function* () {
    const bus = yield* Bus
    const [a, b] = [yield* Fresh.name("A"), yield* Fresh.name("B")]
    const typed = (category: string, n: number, type: string) =>
      Effect.map(message(category, "k", n), (one) => ({ ...one, type }))
    const [all, some, prefix] = [
      yield* receive(a),
      yield* receive(a, { topics: [{ category: a, types: ["Even"] }, { category: b }] }),
      yield* receive(a.slice(0, -1))
    ]
    for (let n = 0; n < 12; n++)
      yield* bus.publish([yield* typed(n % 3 === 0 ? b : a, n, n % 2 === 0 ? "Even" : "Odd")])
    yield* gets("subscribed to a category", all.got, 8)
    yield* gets("subscribed to a type of one category and all of another", some.got, 8)
    yield* Check.equal("subscribed to a category", numbersOf(all.got), [1, 2, 4, 5, 7, 8, 10, 11])
    // Two keys have no order between them.
    const sorted = numbersOf(some.got).toSorted((a, b) => a - b)
    yield* Check.equal("subscribed to a type of one and all of another", sorted, [0, 2, 3, 4, 6, 8, 9, 10])
    yield* Check.equal("subscribed to a category that only begins like it", numbersOf(prefix.got), [])
  })
)

const idempotent = law(
  "Bus 6 publishing the same message again changes nothing, also among new ones",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { got } = yield* receive(topic)
    const sent = yield* messages(topic, 6)
    yield* bus.publish(sent.slice(0, 3))
    yield* bus.publish(sent.slice(0, 3))
    yield* bus.publish(sent)
    yield* bus.publish(sent.map((one) => ({ ...one, metadata: { actor: "someone else" } })))
    const { lost } = Check.sides(yield* Check.race(Fresh.range(6).map(() => bus.publish(sent))))
    yield* Check.equal("published the same messages six times at once: those who failed", lost, [])
    yield* bus.publish(yield* messages(topic, 3, 3, 6))
    yield* gets("published six messages again and again, then three more", got, 9)
    yield* Check.equal(
      "published six messages again and again: what arrived",
      numbersOf(got).toSorted((a, b) => a - b),
      Fresh.range(9)
    )
    yield* inOrder("published six messages again and again", got)
  })
)

const reused = law(
  "Bus 7 a message id with other content is an error, and nothing of it arrives",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { got } = yield* receive(topic)
    const one = yield* message(topic, "k", 0)
    yield* bus.publish([one])
    for (const change of [{ data: { n: 7 } }, { type: "Other" }]) {
      const call = bus.publish([{ ...one, ...change }])
      const reason = yield* Check.refusedBecause(
        `published an id with ${JSON.stringify(change)}`,
        call,
        "MessageIdReused"
      )
      yield* Check.equal("looked at the id that the error names", reason.id, one.id)
    }
    yield* bus.publish([yield* message(topic, "k", 1)])
    yield* gets("published a used id twice, then another", got, 2)
    yield* Check.equal("published a used id twice: what arrived", numbersOf(got), [0, 1])
  })
)

const redelivered = law(
  "Bus 8 a message whose handler was killed is handled again, by whoever takes over",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const group = yield* Fresh.name("group")
    yield* bus.publish(yield* messages(topic, 6, 1))
    let begun = 0
    const hangs = (one: Message) => {
      if (numbersOf([one])[0] !== 2) return Effect.void
      begun += 1
      return Effect.never
    }
    const first = yield* receive(topic, { group, handle: hangs })
    yield* Check.eventually(
      "hung in the third message's handler",
      "it begins",
      Effect.sync(() => begun),
      (n) => n === 1
    )
    yield* first.kill
    const second = yield* receive(topic, { group })
    yield* gets("killed a subscriber in its third message, and started another", second.got, 4)
    yield* Check.equal("what the first had handled", numbersOf(first.got), [0, 1])
    yield* Check.equal("what the second handled", numbersOf(second.got), [2, 3, 4, 5])
  })
)

const continued = law(
  "Bus 9 a group continues where it was, however often its subscribers come and go",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const group = yield* Fresh.name("group")
    const all: Array<Message> = []
    for (let i = 0; i < 6; i++) {
      const member = yield* receive(topic, { group })
      yield* bus.publish(yield* messages(topic, 5, 3, 5 * i))
      // A message that was handled right before the kill may come once more: what counts is that all were handled.
      const missing = Effect.sync(() => {
        const numbers = new Set(numbersOf([...all, ...member.got]))
        return Fresh.range(5 * (i + 1)).filter((n) => !numbers.has(n))
      })
      const did = `subscribed anew ${i + 1} times: messages that nobody handled`
      yield* Check.eventually(did, "there are none", missing, (none) => none.length === 0)
      yield* member.kill
      all.push(...member.got)
    }
    const handled = numbersOf(all).length
    const did = "came and went six times with 30 messages: how many were handled, those in hand perhaps twice"
    yield* Check.holds(did, "30 to 48", handled >= 30 && handled <= 48, handled)
  })
)

const crowd = law(
  "Bus 10 publishers at the same time lose nothing and keep the order of each",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { got } = yield* receive(topic)
    const publisher = Effect.fnUntraced(function* (i: number) {
      for (let n = 0; n < 10; n++) yield* bus.publish([yield* message(topic, `publisher ${i}`, n)])
    })
    yield* Effect.forEach(Fresh.range(8), publisher, { concurrency: "unbounded" })
    yield* gets("let eight publishers send ten messages each", got, 80)
    yield* inOrder("let eight publishers send ten messages each", got)
  })
)

/** The laws of a bus. */
export const laws: ReadonlyArray<Law<Bus>> = [
  unchanged,
  ordered,
  groups,
  shared,
  topics,
  idempotent,
  reused,
  redelivered,
  continued,
  crowd,
  ...parking,
  ...retrying
]
