// The laws of a bus for parked messages that a person looks after: handled again, or given up.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Bus } from "evolvent/Bus"
import type { Message } from "evolvent/Bus"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Receiving from "./Receiving.ts"

const { gets, message, messages, numbersOf, receive } = Receiving

class Refused extends Data.TaggedError("Refused")<{ readonly n: number }> {}

/** A handler that fails on some numbers until they are mended. */
const mendable = (numbers: ReadonlyArray<number>) => {
  const bad = new Set(numbers)
  const attempts = new Map<number, number>()
  const handle = (one: Message): Effect.Effect<void, Refused> =>
    Effect.suspend(() => {
      const [n = -1] = numbersOf([one])
      attempts.set(n, (attempts.get(n) ?? 0) + 1)
      return bad.has(n) ? Effect.fail(new Refused({ n })) : Effect.void
    })
  return { attempts, handle, mend: (n: number) => void bad.delete(n) }
}

const isParked = Effect.fnUntraced(function* (did: string, group: string, numbers: ReadonlyArray<number>) {
  const bus = yield* Bus
  // Two keys have no order between them.
  const found = Effect.map(bus.parked(group), (all) =>
    numbersOf(all.map((one) => one.message)).toSorted((a, b) => a - b)
  )
  yield* Check.eventually(did, `parked are ${numbers.join(", ")}`, found, (all) => all.join() === numbers.join())
})

const retried = law(
  "Bus 18 what is parked is handled again when that is asked for, in order, and then what comes later",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { handle, mend } = mendable([0, 1])
    const { got, group } = yield* receive(topic, { handle })
    yield* bus.publish(yield* messages(topic, 6, 2))
    const did = "failed on the first of two keys' messages"
    yield* isParked(did, group, [0, 1, 2, 3, 4, 5])
    mend(0)
    mend(1)
    const keys = yield* bus.retry(group)
    yield* Check.equal(`${did}, asked for all: the keys`, keys.toSorted(), [`${topic}-key 0`, `${topic}-key 1`])
    yield* gets(`${did}, mended it and asked for all`, got, 6)
    yield* isParked(`${did}, mended it and asked for all`, group, [])
    yield* bus.publish(yield* messages(topic, 4, 2, 6))
    yield* gets(`${did}, mended it, asked for all and published four more`, got, 10)
    for (const parity of [0, 1]) {
      const numbers = numbersOf(got).filter((n) => n % 2 === parity)
      yield* Check.equal(
        `${did}: what was handled of key ${parity}`,
        numbers,
        [0, 2, 4, 6, 8].map((n) => n + parity)
      )
    }
    yield* Check.equal(`${did}: asked again`, yield* bus.retry(group), [])
  })
)

const ofOneKey = law(
  "Bus 19 of one key only, up to the first message that fails again; that one keeps what is behind it",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { attempts, handle, mend } = mendable([0, 1, 4])
    const { got, group } = yield* receive(topic, { handle })
    yield* bus.publish(yield* messages(topic, 8, 2))
    const did = "failed on 0 and 4 of one key, on 1 of another"
    yield* isParked(did, group, [0, 1, 2, 3, 4, 5, 6, 7])
    mend(0)
    mend(1)
    const key = `${topic}-key 0`
    yield* Check.equal(`${did}, asked for the first`, yield* bus.retry(group, { key }), [key])
    yield* gets(`${did}, mended 0 and 1 and asked for the first key`, got, 2)
    yield* Check.eventually(
      `${did}, mended 0 and asked for the first key`,
      "4 is tried once",
      Effect.sync(() => attempts.get(4)),
      (n) => n === 1
    )
    yield* isParked(`${did}, mended 0 and 1 and asked for the first key`, group, [1, 3, 4, 5, 6, 7])
    yield* bus.publish(yield* messages(topic, 2, 2, 8))
    yield* isParked(`${did}, and published 8 and 9`, group, [1, 3, 4, 5, 6, 7, 8, 9])
    yield* Check.equal(`${did}: what was handled`, numbersOf(got), [0, 2])
    const other = bus.retry(group, { key: `${topic}-no key` })
    yield* Check.equal(`${did}, asked for a key that is not parked`, yield* other, [])
  })
)

const dropped = law(
  "Bus 20 a message that is dropped is never handled; what is behind it waits until that is asked for",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { attempts, handle } = mendable([0])
    const { got, group } = yield* receive(topic, { handle })
    const sent = yield* messages(topic, 3, 1)
    yield* bus.publish(sent)
    const did = "failed on the first of three messages of one key"
    yield* isParked(did, group, [0, 1, 2])
    const [bad, next] = sent
    if (bad === undefined || next === undefined) return
    yield* bus.drop(group, bad.id)
    yield* isParked(`${did}, and dropped it`, group, [1, 2])
    yield* bus.publish([yield* message(topic, "other", 3)])
    yield* gets(`${did}, dropped it and published one of another key`, got, 1)
    yield* Check.equal(`${did}, and dropped it: what was handled`, numbersOf(got), [3])
    yield* bus.retry(group, { key: bad.key })
    yield* gets(`${did}, dropped it and asked for its key`, got, 3)
    yield* Check.equal(`${did}, dropped it and asked for its key`, numbersOf(got), [3, 1, 2])
    yield* Check.equal(`${did}: attempts at it`, attempts.get(0), 1)
    for (const id of [bad.id, next.id]) {
      const again = bus.drop(group, id)
      const { problem } = yield* Check.refusedBecause("dropped what is not parked", again, "InvalidRequest")
      yield* Check.holds("dropped what is not parked: the problem", "names the message", problem.includes(id), problem)
    }
  })
)

const whoever = law(
  "Bus 21 what was asked for while nobody subscribed is done by who subscribes next, once",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const first = yield* receive(topic, { handle: mendable([0]).handle })
    const { group } = first
    yield* bus.publish(yield* messages(topic, 3, 1))
    yield* isParked("failed on the first of three messages", group, [0, 1, 2])
    yield* first.kill
    yield* bus.retry(group, { key: `${topic}-key 0` })
    const second = yield* receive(topic, { group })
    const did = "parked three messages, killed the subscriber, asked for them and subscribed anew"
    yield* gets(did, second.got, 3)
    yield* isParked(did, group, [])
    yield* second.kill
    const third = yield* receive(topic, { group })
    yield* bus.publish(yield* messages(topic, 1, 1, 3))
    yield* gets(`${did}, twice`, third.got, 1)
    yield* Check.equal(`${did}, twice: what was handled`, numbersOf([...second.got, ...third.got]), [0, 1, 2, 3])
  })
)

const behindRefused = law(
  "Bus 22 with a message that is refused, nothing behind it of its key is published; other keys are",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { got } = yield* receive(topic)
    const [a, b, c] = yield* messages(topic, 3, 1)
    if (a === undefined || b === undefined || c === undefined) return
    yield* bus.publish([b])
    const others = yield* Effect.forEach(Fresh.range(20), (n) => message(topic, `other ${n}`, 10 + n))
    const call = bus.publish([a, ...others.slice(0, 10), { ...b, data: { n: 7 } }, c, ...others.slice(10)])
    const did = "published a used id with other content among others"
    yield* Check.refusedBecause(did, call, "MessageIdReused")
    yield* gets(did, got, 22)
    const sorted = numbersOf(got).toSorted((x, y) => x - y)
    yield* Check.equal(`${did}: what arrived`, sorted, [0, 1, ...Fresh.range(20).map((n) => 10 + n)])
    yield* bus.publish([c])
    yield* gets(`${did}, then what was behind it`, got, 23)
  })
)

/** The laws of messages that are handled again or dropped, and of what is refused. */
export const retrying = [retried, ofOneKey, dropped, whoever, behindRefused]
