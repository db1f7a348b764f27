// The laws of an inbox: a message that is handled twice changes nothing, for ever.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Bus } from "evolvent/Bus"
import type { Message } from "evolvent/Bus"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { ReadModelStoreError, Table } from "evolvent/ReadModelStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { message, messages, numbersOf, receive } from "./Receiving.ts"
import { Subject } from "./Subject.ts"

class Refused extends Data.TaggedError("Refused")<{ readonly n: number }> {}

/** A handler that adds its message's number to a row of its key or to one for all, and what the rows say. */
const trail = Effect.fnUntraced(function* (byKey: boolean) {
  const store = yield* ReadModelStore
  const table: Table = { name: yield* Fresh.name("trail"), version: 1, indexes: [] }
  const keys = new Set<string>()
  const read = (some: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<number>, ReadModelStoreError> =>
    Effect.map(store.get(table, some), (found) =>
      found.flatMap(({ row }) => (row === undefined ? [] : (JSON.parse(row) as ReadonlyArray<number>)))
    )
  const add = (one: Message, key = byKey ? one.key : "all") =>
    Effect.gen(function* () {
      keys.add(key)
      const before = yield* read([key])
      const row = JSON.stringify([...before, ...numbersOf([one])])
      yield* store.apply(table, [{ key, position: Position.make(before.length + 1), row, index: {} }])
    })
  return { add, get: Effect.suspend(() => read([...keys])) }
})

const setUp = Effect.fnUntraced(function* (byKey = false) {
  const { inbox } = yield* Subject
  const { add, get } = yield* trail(byKey)
  const group = yield* Fresh.name("group")
  const topic = yield* Fresh.name("Topic")
  return { inbox, add, get, group, topic }
})

const rows = { writes: "rows" } as const

/** What an inbox for rows keeps, where rows commit with its record; elsewhere there is none, and it says so. */
const inboxLaw = <E, R>(id: string, promise: Effect.Effect<void, E, R>) =>
  law(
    id,
    Effect.gen(function* () {
      const [checkpoints, store] = [yield* CheckpointStore, yield* ReadModelStore]
      if (checkpoints.capabilities.transaction || store.capabilities.atomicBatch) return yield* promise
      const { add, group, inbox } = yield* setUp()
      const did = "made an inbox for rows where they do not commit with its record"
      yield* Check.refusedBecause(did, inbox(group, add, rows), "Unsupported")
    })
  )

const once = inboxLaw(
  "Inbox 1 a message that was handled changes nothing when it comes again, nor does an earlier one of its stream",
  Effect.gen(function* () {
    const { add, get, group, inbox, topic } = yield* setUp()
    const handle = yield* inbox(group, add, rows)
    const [a, b, c] = yield* messages(topic, 3, 1)
    const other = yield* message(topic, "another stream", 7)
    if (a === undefined || b === undefined || c === undefined) return
    // A hole is no matter: a group need not want every event.
    for (const one of [a, a, c, c, a, b, c, other, other, a]) yield* handle(one)
    yield* Check.equal("handled messages 0, 2 of a stream and 7 of another again and again", yield* get, [0, 2, 7])
  })
)

const killed = inboxLaw(
  "Inbox 2 killed between its writes and the record, and delivered again, a message counts once",
  Effect.gen(function* () {
    const { add, get, group, inbox, topic } = yield* setUp(true)
    const bus = yield* Bus
    yield* bus.publish(yield* messages(topic, 12, 3))
    let hanging = false
    for (let life = 0; life < 4; life++) {
      let handled = 0
      hanging = false
      const handle = yield* inbox(
        group,
        (one) =>
          Effect.gen(function* () {
            yield* add(one)
            if (++handled < life + 2) return undefined
            hanging = true
            return yield* Effect.never
          }),
        rows
      )
      const subscriber = yield* receive(topic, { group, handle })
      yield* Check.eventually(
        `hung behind the writes of message ${life + 2} in life ${life}`,
        "it hangs",
        Effect.sync(() => hanging || subscriber.got.length === 12),
        (isHanging) => isHanging
      )
      yield* subscriber.kill
    }
    yield* receive(topic, { group, handle: yield* inbox(group, add, rows) })
    const did = "killed a subscriber four times behind its handler's writes, with twelve messages"
    const sorted = Effect.map(get, (all) => all.toSorted((x, y) => x - y))
    yield* Check.eventually(did, "all count", sorted, (all) => all.length >= 12)
    yield* Check.equal(`${did}: what counts`, yield* sorted, Fresh.range(12))
    const all = yield* get
    for (const key of Fresh.range(3)) {
      const numbers = all.filter((n) => n % 3 === key)
      yield* Check.equal(
        `${did}: in order for key ${key}`,
        numbers,
        numbers.toSorted((x, y) => x - y)
      )
    }
  })
)

const forEver = inboxLaw(
  "Inbox 3 also after a restart",
  Effect.gen(function* () {
    const { add, get, group, inbox, topic } = yield* setUp()
    const sent = yield* messages(topic, 4, 2)
    for (let life = 0; life < 3; life++) {
      const handle = yield* inbox(group, add, rows)
      for (const one of sent.slice(0, life + 2)) yield* handle(one)
    }
    yield* Check.equal("handled 2, 3 and 4 messages in three lives", yield* get, [0, 1, 2, 3])
  })
)

const apart = inboxLaw(
  "Inbox 4 each group has its own, and each stream and key in it",
  Effect.gen(function* () {
    const { add, get, inbox, topic } = yield* setUp()
    const base = yield* Fresh.name("group")
    const long = "😀".repeat(5000)
    const one = yield* message(topic, "k", 3)
    // Names that a careless separator would take for one another, and some that no index would take.
    const variants: ReadonlyArray<readonly [group: string, stream: string, key: string]> = [
      [base, `${topic}-k`, `${topic}-k`],
      [`${base} 2`, `${topic}-k`, `${topic}-k`],
      [base, `${topic}-K`, `${topic}-K`],
      [base, `${topic}-k`, "other key"],
      [`${base}/a`, `b/${topic}-k`, `b/${topic}-k`],
      [base, `a/b/${topic}-k`, `a/b/${topic}-k`],
      [`${base}/a/b`, `${topic}-k`, `${topic}-k`],
      [base, `${topic}-k/other key`, `${topic}-k/other key`],
      [base, `${topic}-${long}1`, `${topic}-${long}1`],
      [base, `${topic}-${long}2`, `${topic}-${long}2`],
      [base, `${topic}-k`, `${long}3`],
      [`${base}${long}`, `${topic}-k`, `${topic}-k`],
      [base, `${topic}-k`, "\ud83d"]
    ]
    for (let again = 0; again < 2; again++) {
      for (const [n, [group, stream, key]] of variants.entries()) {
        const handle = yield* inbox(group, add, rows)
        yield* handle({ ...one, stream: stream as StreamName.StreamName, key, data: { n } })
      }
    }
    yield* Check.equal(
      "handled one revision in several groups, of several streams and keys, twice",
      yield* get,
      Fresh.range(variants.length)
    )
  })
)

const racing = inboxLaw(
  "Inbox 5 of those that handle a message at the same time one counts",
  Effect.gen(function* () {
    const { add, get, group, inbox, topic } = yield* setUp()
    const sent = yield* messages(topic, 3, 1)
    // Each writes a row of its own: two that both count would not overwrite each other.
    const handlers = yield* Effect.forEach(Fresh.range(5), (n) =>
      inbox(
        group,
        (one) => Effect.andThen(Effect.yieldNow, Effect.andThen(add(one, `handler ${n}`), Effect.sleep("2 millis"))),
        rows
      )
    )
    for (const one of sent) {
      const { lost } = Check.sides(yield* Check.race(handlers.map((handle) => handle(one))))
      yield* Check.equal("handled a message by five at once: those who failed", lost, [])
    }
    const all = (yield* get).toSorted((x, y) => x - y)
    yield* Check.equal("handled three messages, each by five at once: what counts", all, [0, 1, 2])
  })
)

const failing = inboxLaw(
  "Inbox 6 a handler that fails leaves neither its writes nor a record: the message is handled again",
  Effect.gen(function* () {
    const { add, get, group, inbox, topic } = yield* setUp()
    let isMended = false
    const handle = yield* inbox(
      group,
      (one) =>
        Effect.andThen(
          add(one),
          Effect.suspend(() => (isMended ? Effect.void : Effect.fail(new Refused({ n: 1 }))))
        ),
      rows
    )
    const one = yield* message(topic, "k", 5)
    const error = yield* Check.refused("handled a message with a handler that fails", handle(one), "Refused")
    yield* Check.equal("looked at what it failed with", error.n, 1)
    yield* Check.equal("failed behind its writes: what counts", yield* get, [])
    isMended = true
    yield* handle(one)
    yield* handle(one)
    yield* Check.equal("failed behind its writes, mended it: what counts", yield* get, [5])
  })
)

const capable = law(
  "Inbox 7 it takes in everything that its backend's transaction takes in, and says so where that is rows only",
  Effect.gen(function* () {
    const { group, inbox, topic } = yield* setUp()
    const { capabilities } = yield* CheckpointStore
    const store = yield* EventStore
    const stream = StreamName.make(yield* Fresh.name("Mine"), "1")
    const make = inbox(group, ({ data }) =>
      Effect.andThen(
        store.append(stream, [{ type: "Heard", data }]),
        numbersOf([{ data } as Message])[0] === 0 ? Effect.fail(new Refused({ n: 0 })) : Effect.void
      )
    )
    if (!capabilities.transaction) {
      const did = "made an inbox for any writes where there is no transaction for them"
      yield* Check.refusedBecause(did, make, "Unsupported")
      return
    }
    const handle = yield* make
    yield* Effect.ignore(handle(yield* message(topic, "k", 0)))
    yield* Check.equal("appended, and failed then", yield* store.streamRevision(stream), undefined)
    const one = yield* message(topic, "k", 1)
    yield* handle(one)
    yield* handle(one)
    yield* Check.equal("appended in an inbox, twice", yield* store.streamRevision(stream), Revision.make(0))
  })
)

/** The laws of an inbox. */
export const laws: ReadonlyArray<Law<Bus | CheckpointStore | EventStore | ReadModelStore>> = [
  once,
  killed,
  forEver,
  apart,
  racing,
  failing,
  capable
]
