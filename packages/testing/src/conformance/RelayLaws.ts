// The laws of a relay: what is committed is published, all of it, in order for each key, and nothing else.
import * as Effect from "effect/Effect"
import type { Bus } from "evolvent/Bus"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { receive } from "./Receiving.ts"
import { faults } from "./RelayFaultLaws.ts"
import * as Relaying from "./Relaying.ts"
import * as Spans from "./Spans.ts"
import { Subject } from "./Subject.ts"

const { arrives, deposit, deposited, inOrder, setUp, start } = Relaying

const unchanged = law(
  "Relay 1 every event becomes a message as it is stored, with its id, stream and revision",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const store = yield* EventStore
    const { got } = yield* receive(account.name)
    yield* deposit(account, 4)
    yield* start(relay)
    yield* deposit(account, 3, 3, 4)
    // Of a type that this process does not know: others may.
    const unknown = { type: "Unheard", data: { text: `'"😀`, deep: [[1.5]] }, schemaVersion: 7 }
    yield* store.append(StreamName.make(account.name, "😀 'new'"), [unknown])
    yield* arrives("relayed eight events, one of an unknown type", account, got)
  })
)

const ordered = law(
  "Relay 2 in order for each stream, caught up and live, while several write",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { got } = yield* receive(account.name)
    yield* deposit(account, 40, 4)
    yield* start(relay, { partitions: 4 })
    yield* Effect.forEach(Fresh.range(4), (n) => deposit(account, 15, 5, 100 * n), { concurrency: "unbounded" })
    yield* arrives("relayed 40 events and 60 more of four writers", account, got)
    yield* inOrder("relayed 40 events and 60 more of four writers", got)
  })
)

const killed = law(
  "Relay 3 killed at every step it leaves nothing out, and what it publishes again changes nothing",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { got } = yield* receive(account.name)
    let step = 0
    // Each life ends one step later than the one before: before and after a publish, before and after a commit.
    for (let life = 1; life <= 8; life++) {
      yield* deposit(account, 4, 3, 4 * life)
      step = 0
      const state = { isOver: false }
      const ends = Effect.suspend(() => {
        step += 1
        if (step < life) return Effect.void
        state.isOver = true
        return Effect.never
      })
      const around = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.andThen(
          ends,
          Effect.tap(effect, () => ends)
        )
      const running = yield* start(relay, {}, { publish: (_, effect) => around(effect), commit: around })
      let more = 0
      while (!state.isOver) {
        yield* Effect.sleep("1 millis")
        if (++more % 10 === 0) yield* deposit(account, 1, 3, 1000 * life + more)
      }
      yield* running.kill
    }
    yield* start(relay)
    yield* deposit(account, 3)
    yield* arrives("killed a relay at eight steps", account, got)
    yield* inOrder("killed a relay at eight steps", got)
  })
)

const committed = law(
  "Relay 7 nothing is published before it is committed, nothing that never is, and nothing that was slow is left out",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const store = yield* EventStore
    const checkpoints = yield* CheckpointStore
    const seen: Array<string> = []
    const { got } = yield* receive(account.name)
    yield* start(
      relay,
      { partitions: 2 },
      {
        publish: (messages, effect) => {
          for (const { revision, stream } of messages) seen.push(`${stream} ${revision}`)
          return effect
        }
      }
    )
    yield* deposit(account, 3)
    const isSlow = checkpoints.capabilities.transaction
    /** An append that is there for the store's own transaction only, until that ends: well, or not. */
    const slow = Effect.fnUntraced(function* (n: number) {
      const stream = StreamName.make(account.name, `slow ${n}`)
      const name = yield* Fresh.name("slow")
      const early: Array<string> = []
      const writes = Effect.gen(function* () {
        yield* store.append(stream, [deposited(n), deposited(n)])
        for (let i = 0; i < 10; i++) yield* Effect.sleep("5 millis")
        if (isSlow) early.push(...seen.filter((one) => one.startsWith(`${stream} `)))
        return isSlow && n % 2 === 1 ? yield* Effect.fail("rolled back" as const) : undefined
      })
      yield* Effect.ignore(checkpoints.transact({ name, from: Position.beginning, to: Position.make(1) }, writes))
      return early
    })
    const quick = Effect.forEach(Fresh.range(30), (n) =>
      Effect.andThen(Effect.sleep("2 millis"), deposit(account, 1, 3, n))
    )
    const [early] = yield* Effect.all([Effect.forEach(Fresh.range(6), slow, { concurrency: 6 }), quick], {
      concurrency: 2
    })
    // An append that is refused is not committed either.
    const refused = StreamName.make(account.name, "refused")
    yield* Effect.ignore(store.append(refused, [deposited(0)], { expected: "streamExists" }))
    yield* deposit(account, 3)
    const did = "relayed beside six slow transactions, of which every other was rolled back, and a refused append"
    yield* arrives(did, account, got)
    yield* inOrder(did, got)
    yield* Check.equal(`${did}: what was published before its commit`, early.flat(), [])
    const never = got.filter(({ stream }) => stream === refused || (isSlow && /slow [135]$/.test(stream)))
    yield* Check.equal(`${did}: what was published and never committed`, never, [])
  })
)

const oneAtATime = law(
  "Relay 8 of one key no two publishes are under way at once, with several processes and partitions",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { got } = yield* receive(account.name)
    const busy = new Map<string, number>()
    const overlaps = new Set<string>()
    const around: Relaying.Around = {
      publish: (messages, effect) => {
        const keys = [...new Set(messages.map(({ key }) => key))]
        const add = (by: number) =>
          Effect.sync(() => {
            for (const key of keys) {
              busy.set(key, (busy.get(key) ?? 0) + by)
              if ((busy.get(key) ?? 0) > 1) overlaps.add(key)
            }
          })
        return Effect.acquireUseRelease(
          add(1),
          () => Effect.andThen(Effect.sleep("1 millis"), effect),
          () => add(-1)
        )
      }
    }
    yield* deposit(account, 20, 5)
    const first = yield* start(relay, { partitions: 4 }, around)
    const second = yield* start(relay, { partitions: 4 }, around)
    yield* deposit(account, 20, 5, 20)
    yield* arrives("relayed 40 events by two processes with four partitions each", account, got)
    yield* first.kill
    yield* deposit(account, 10, 5, 40)
    yield* arrives("killed one of them, and wrote ten more", account, got)
    yield* second.kill
    yield* Check.equal("relayed 50 events by two processes: keys of two publishes at once", [...overlaps], [])
    yield* inOrder("relayed 50 events by two processes", got)
  })
)

const resumed = law(
  "Relay 9 it continues where it was: what it had published is not published again",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { waitFor } = yield* Subject
    const store = yield* EventStore
    const { got } = yield* receive(account.name)
    const published: Array<number> = []
    const around: Relaying.Around = {
      publish: (messages, effect) => {
        published.push(...messages.map(({ data }) => (data as { readonly amount: number }).amount))
        return effect
      }
    }
    for (let i = 0; i < 3; i++) {
      yield* deposit(account, 5, 3, 5 * i)
      const running = yield* start(relay, {}, around)
      yield* waitFor(relay, yield* store.head)
      yield* running.kill
    }
    yield* arrives("relayed 15 events in three lives", account, got)
    yield* Check.equal(
      "relayed 15 events in three lives: what was published",
      published.toSorted((a, b) => a - b),
      Fresh.range(15)
    )
  })
)

const chosen = law(
  "Relay 10 it publishes the types and the aggregates that it is to, under the key that it is told",
  Effect.gen(function* () {
    const { relay } = yield* Subject
    const store = yield* EventStore
    const [a, b, c] = [yield* Account.make(), yield* Account.make(), yield* Account.make()]
    const name = yield* Fresh.name("relay")
    const some = relay(name, { from: [a, b], only: ["Deposited"], key: ({ streamId }) => `key ${streamId}` })
    const { got } = yield* receive(a.name, { topics: [a, b, c].map((one) => ({ category: one.name })) })
    for (const [i, one] of [a, b, c].entries()) {
      yield* store.append(StreamName.make(one.name, "x"), [
        deposited(i),
        { type: "Withdrawn", data: { amount: 1 } },
        deposited(i + 3)
      ])
    }
    yield* start(some)
    const did = "relayed one type of two aggregates of three, under a key for both"
    yield* Check.eventually(
      did,
      "four messages arrive",
      Effect.sync(() => got.length),
      (n) => n >= 4
    )
    yield* Check.equal(
      did,
      got.map(({ data, key }) => [key, (data as { readonly amount: number }).amount]),
      [0, 3, 1, 4].map((n) => ["key x", n])
    )
  })
)

const traced = law(
  "Relay 11 what handles a message is part of the trace of the command that led to its event",
  Effect.gen(function* () {
    const { account, relay } = yield* setUp
    const { execute } = yield* Subject
    const spans = yield* Spans.make
    const group = yield* Fresh.name("group")
    const program = Effect.gen(function* () {
      const { got } = yield* receive(account.name, { group })
      yield* start(relay)
      yield* Effect.withSpan(execute(account, "a", Account.deposit(7)), "request")
      yield* arrives("relayed an event, where somebody traces", account, got)
    })
    yield* spans.traced(program)
    yield* Check.equal(
      "went from the span of what handled its message up to where the trace begins",
      spans.upFrom(`handle ${group}`),
      [[`handle ${group}`, `append ${account.name}`, `execute ${account.name}`, "request"]]
    )
  })
)

/** The laws of a relay. */
export const laws: ReadonlyArray<Law<Bus | EventStore | CheckpointStore>> = [
  unchanged,
  ordered,
  killed,
  ...faults,
  committed,
  oneAtATime,
  resumed,
  chosen,
  traced
]
