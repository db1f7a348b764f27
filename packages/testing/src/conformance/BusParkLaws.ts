// The laws of a bus for messages that fail: bounded attempts, then parked, with what comes later of their key.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Bus } from "evolvent/Bus"
import type { Message } from "evolvent/Bus"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Receiving from "./Receiving.ts"

const { gets, inOrder, message, messages, numbersOf, receive } = Receiving

class Refused extends Data.TaggedError("Refused")<{ readonly n: number }> {}

/** A handler that fails on some numbers, a number of times each, and counts its attempts. */
const failing = (numbers: ReadonlyArray<number>, times = Infinity) => {
  const attempts = new Map<number, number>()
  const handle = (one: Message): Effect.Effect<void, Refused> =>
    Effect.suspend(() => {
      const [n = -1] = numbersOf([one])
      const attempt = (attempts.get(n) ?? 0) + 1
      attempts.set(n, attempt)
      return numbers.includes(n) && attempt <= times ? Effect.fail(new Refused({ n })) : Effect.void
    })
  return { attempts, handle }
}

/** Waits until a group has parked so many messages. */
const parks = Effect.fnUntraced(function* (did: string, group: string, count: number) {
  const bus = yield* Bus
  return yield* Check.eventually(did, `${count} messages are parked`, bus.parked(group), (all) => all.length >= count)
})

const retried = law(
  "Bus 11 a failing message is handled again by the schedule, and then counts as handled",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { attempts, handle } = failing([1, 3], 2)
    const { got, group } = yield* receive(topic, { handle, retry: Schedule.recurs(2) })
    yield* bus.publish(yield* messages(topic, 5, 1))
    yield* gets("failed twice on two of five messages, with two retries", got, 5)
    yield* Check.equal("what was handled, in order", numbersOf(got), [0, 1, 2, 3, 4])
    yield* Check.equal("counted the attempts", [...attempts.values()], [1, 3, 1, 3, 1])
    yield* Check.equal("looked at what is parked", yield* bus.parked(group), [])
  })
)

const bounded = law(
  "Bus 12 a message that fails more often than that is parked, unchanged and with the problem",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { attempts, handle } = failing([0])
    const { got, group } = yield* receive(topic, { handle, retry: Schedule.recurs(2) })
    const bad = { ...(yield* message(topic, "bad", 0)), metadata: { actor: "ada" }, data: { n: 0, text: `"😀"` } }
    yield* bus.publish([bad, yield* message(topic, "good", 1)])
    const did = "failed always on one of two messages, with two retries"
    const [parked, ...more] = yield* parks(did, group, 1)
    yield* gets(did, got, 1)
    yield* Check.equal(`${did}: what was handled`, numbersOf(got), [1])
    yield* Check.equal(`${did}: attempts`, attempts.get(0), 3)
    yield* Check.equal(`${did}: what is parked`, [parked?.message, more.length], [bad, 0])
    const names = parked?.problem.includes("Refused") ?? false
    yield* Check.holds(`${did}: the problem`, "names the handler's error", names, parked?.problem)
  })
)

const behind = law(
  "Bus 13 later messages of a parked key are parked behind it, in order, and not handled",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { attempts, handle } = failing([3])
    const { group } = yield* receive(topic, { handle })
    yield* bus.publish(yield* messages(topic, 9, 3))
    const did = "failed on the second of key 0's messages, which are 0, 3 and 6"
    yield* parks(did, group, 2)
    yield* bus.publish(yield* messages(topic, 3, 3, 9))
    const parked = yield* parks(`${did}, then published 9`, group, 3)
    yield* Check.equal(
      `${did}, then published 9: what is parked`,
      numbersOf(parked.map((one) => one.message)),
      [3, 6, 9]
    )
    yield* Check.equal(
      `${did}: attempts at what came behind it`,
      [attempts.get(6), attempts.get(9)],
      [undefined, undefined]
    )
  })
)

const others = law(
  "Bus 14 other keys go on beside a parked one",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const { handle } = failing([0])
    const { got, group } = yield* receive(topic, { handle })
    yield* bus.publish(yield* messages(topic, 40, 20))
    yield* gets("failed on the first of key 0's two messages, of twenty keys", got, 38)
    yield* inOrder("failed on the first of one key", got)
    const expected = Fresh.range(40).filter((n) => n % 20 !== 0)
    yield* Check.equal(
      "what was handled",
      numbersOf(got).toSorted((a, b) => a - b),
      expected
    )
    const parked = yield* parks("failed on the first of key 0's two messages", group, 2)
    yield* Check.equal("what is parked", numbersOf(parked.map((one) => one.message)), [0, 20])
  })
)

const died = law(
  "Bus 15 a handler that dies parks its message at once and takes nobody with it",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    let attempts = 0
    const handle = (one: Message) =>
      Effect.sync(() => {
        if (numbersOf([one])[0] !== 1) return
        attempts += 1
        throw new TypeError("undefined is not a function")
      })
    const { got, group } = yield* receive(topic, { handle, retry: Schedule.recurs(5) })
    yield* bus.publish(yield* messages(topic, 6, 3))
    const parked = yield* parks("threw on message 1 of key 1", group, 2)
    yield* gets("threw on message 1 of key 1", got, 4)
    yield* Check.equal(
      "threw on message 1 of key 1: what is parked",
      numbersOf(parked.map((one) => one.message)),
      [1, 4]
    )
    const says = parked[0]?.problem.includes("undefined is not a function") ?? false
    yield* Check.holds("threw on message 1 of key 1: the problem", "names what was thrown", says, parked[0]?.problem)
    yield* Check.equal("counted the attempts: a bug is not retried", attempts, 1)
  })
)

const perGroup = law(
  "Bus 16 each group parks for itself",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const [bad, good] = [yield* receive(topic, { handle: failing([0]).handle }), yield* receive(topic)]
    yield* bus.publish(yield* messages(topic, 3, 1))
    yield* gets("subscribed one group that fails and one that does not", good.got, 3)
    yield* parks("subscribed one group that fails", bad.group, 3)
    yield* Check.equal("looked at what the other has parked", yield* bus.parked(good.group), [])
    yield* Check.equal("looked at what nobody has parked", yield* bus.parked(yield* Fresh.name("group")), [])
  })
)

const remembered = law(
  "Bus 17 what is parked stays parked when the subscriber is killed and started again",
  Effect.gen(function* () {
    const bus = yield* Bus
    const topic = yield* Fresh.name("Topic")
    const first = yield* receive(topic, { handle: failing([0]).handle })
    yield* bus.publish(yield* messages(topic, 2, 2))
    yield* parks("failed on message 0", first.group, 1)
    yield* first.kill
    const second = yield* receive(topic, { group: first.group })
    yield* bus.publish(yield* messages(topic, 2, 2, 2))
    const did = "parked key 0, killed the subscriber, mended the handler, started another"
    const parked = yield* parks(did, first.group, 2)
    yield* Check.eventually(
      did,
      "message 3 is handled",
      Effect.sync(() => numbersOf(second.got)),
      (all) => all.includes(3)
    )
    yield* Check.equal(`${did}: what is parked`, numbersOf(parked.map((one) => one.message)), [0, 2])
    yield* Check.equal(
      `${did}: what it handled of key 0`,
      numbersOf(second.got).filter((n) => n % 2 === 0),
      []
    )
  })
)

/** The laws of parking. */
export const parking = [retried, bounded, behind, others, died, perGroup, remembered]
