// The laws of replaying (15): stored events are handed over again, all or some of them, and nothing else moves.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

/** Deposits numbered from 1 on, in turns to three streams; gives their positions. */
const write = Effect.fnUntraced(function* (account: Account.Account, count: number) {
  const store = yield* EventStore
  return yield* Effect.forEach(Fresh.range(count), (n) =>
    Effect.map(
      store.append(StreamName.make(account.name, String(n % 3)), [{ type: "Deposited", data: { amount: n + 1 } }]),
      ({ position }) => position
    )
  )
})

const replayed = law(
  "Processor 15.10 a replay hands over what is asked for, once and in order, and leaves the processor where it is",
  Effect.gen(function* () {
    const { replay, status } = yield* Subject
    const account = yield* Account.make()
    const seen: Array<number> = []
    const bad = new Set<number>()
    const reactor = Processor.reactor(yield* Fresh.name("reactor"), {
      from: [account],
      handle: ({ data: { amount } }) =>
        Effect.suspend(() => {
          if (bad.has(amount)) return Effect.fail("no" as const)
          return Effect.sync(() => seen.push(amount))
        })
    })
    const positions = yield* write(account, 30)
    const [from, until] = [positions[9] ?? Position.beginning, positions[19] ?? Position.beginning]
    const gives = Effect.fnUntraced(function* (
      did: string,
      options: Processor.ReplayOptions<"no">,
      expected: ReadonlyArray<number>
    ) {
      seen.length = 0
      yield* Stream.runDrain(replay(reactor, options))
      yield* Check.equal(`replayed ${did}`, [...seen], [...expected])
    })
    const all = Fresh.range(30).map((n) => n + 1)
    yield* gives("everything", {}, all)
    yield* gives("from a position to another", { from: { position: from }, until }, all.slice(9, 20))
    yield* gives(
      "one stream",
      { stream: StreamName.make(account.name, "1") },
      all.filter((n) => (n - 1) % 3 === 1)
    )
    yield* gives(
      "one key from a position on",
      { key: `${account.name}-2`, from: { position: from } },
      all.filter((n) => n >= 10 && (n - 1) % 3 === 2)
    )
    yield* Check.equal(
      "replayed four times: where the processor stands",
      (yield* status(reactor)).position,
      Position.beginning
    )
    seen.length = 0
    const named = replay(reactor, { name: "again" })
    bad.add(12)
    yield* Check.refused("replayed by a name, and the handler failed on 12", Stream.runDrain(named), "EventFailed")
    bad.clear()
    yield* Stream.runDrain(named)
    yield* Check.equal("replayed by a name, mended the handler on 12, and called it again", [...seen], all)
    yield* Stream.runDrain(named)
    yield* Check.equal("called it once more when it was through", [...seen], all)
    yield* Check.equal(
      "replayed by a name: where the processor stands",
      (yield* status(reactor)).position,
      Position.beginning
    )
  })
)

const rows = law(
  "Processor 15.11 rows that are rebuilt by key equal the fold, and no other row is touched",
  Effect.gen(function* () {
    const { rebuildRows, waitFor } = yield* Subject
    const store = yield* EventStore
    const readModels = yield* ReadModelStore
    const account = yield* Account.make()
    const projection = Projection.make(yield* Fresh.name("counts"), {
      from: [account],
      row: Schema.Struct({ count: Schema.Int }),
      initial: { count: 0 }
    })({ evolve: { Deposited: ({ count }) => ({ count: count + 1 }) } })
    const last = (yield* write(account, 30)).at(-1) ?? Position.beginning
    yield* Running.start(Processor.projection(projection), { lease: "400 millis", partitions: 2 })
    yield* waitFor(projection, last)
    const spoil = (key: string) =>
      readModels.apply(projection.table, [{ key, position: last, row: JSON.stringify({ count: 999 }), index: {} }])
    yield* Effect.forEach(["0", "1", "never"], spoil, { discard: true })
    const count = yield* rebuildRows(projection, ["1", "never", "absent"])
    yield* Check.equal("rebuilt the rows of three keys, one with events: how many events", count, 10)
    const found = (yield* ReadModel.list(projection)).rows.map(({ key, row }) => [key, row.count])
    yield* Check.equal("spoilt three rows and rebuilt two of them", found, [
      ["0", 999],
      ["1", 10],
      ["2", 10]
    ])
    yield* rebuildRows(projection, ["0"])
    yield* write(account, 3)
    yield* waitFor(projection, yield* store.head)
    const fold = yield* Projection.fold(projection, store.read(projection.filter))
    const rows = new Map((yield* ReadModel.list(projection)).rows.map(({ key, row }) => [key, row]))
    yield* Check.equal("rebuilt the third and wrote on", [...rows].sort(), [...fold].sort())
  })
)

/** The laws of replaying. */
export const replaying: ReadonlyArray<Law<Services>> = [replayed, rows]
