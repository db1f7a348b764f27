// From a processor to the appends and back: under load, from several processes at once, and with those that do not know.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Aggregate from "evolvent/Aggregate"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import * as Postgres from "../src/Postgres.ts"
import {
  accounts,
  balances,
  compare,
  deposit,
  deposited,
  histories,
  opened,
  openIt,
  poison,
  processes,
  register,
  stored
} from "./support/Accounts.ts"
import { count, heldOpen, serve, until } from "./support/AppendStore.ts"
import type { Services, Store } from "./support/AppendStore.ts"

const { open } = await serve()

const inStore = <A, E>(store: Store, effect: Effect.Effect<A, E, Services | Scope.Scope>) =>
  Effect.promise(() => store.run(effect))

const Account = accounts("Account")
const Balances = balances(Account)
const Histories = histories(Account)
const stream = (id: string) => StreamName.make(Account.name, id)

it("switches under load from several processes at once, and no event is lost or counts twice", async () => {
  const stores = await processes(open)
  const [first] = stores
  let appended = 0
  const load = { isOver: false }
  const rounds = (process: number) =>
    Effect.gen(function* () {
      const { append } = yield* EventStore
      for (let i = 0; !load.isOver; i++) {
        const id = `${i % 7}`
        yield* append(stream(id), i < 7 && process === 0 ? opened("ada") : deposited(1))
        appended += 1
        if (i % 20 === 0) yield* Effect.sleep(1)
      }
    })
  const loads = stores.flatMap((store, process) =>
    Array.from({ length: 3 }, () => store.run(Effect.exit(rounds(process))))
  )
  await first.run(
    until(
      "some load",
      Effect.sync(() => appended > 300)
    )
  )
  const switches = await Promise.all(
    stores.map((store) => store.run(Effect.all([register(Balances), register(Histories)], { concurrency: 2 })))
  )
  expect(switches).toHaveLength(3)
  const atSwitch = appended
  await first.run(
    until(
      "more load",
      Effect.sync(() => appended > atSwitch + 300)
    )
  )
  load.isOver = true
  for (const exit of await Promise.all(loads)) expect(exit).toEqual(Exit.void)
  await first.run(
    Effect.gen(function* () {
      expect(yield* stored(Account.name)).toBe(appended)
      for (const { folded, kept } of [yield* compare(Balances), yield* compare(Histories)]) expect(kept).toEqual(folded)
      expect(yield* count(first, `SELECT count(*)::int FROM ${first.schema}.inline_projections`)).toBe(2)
    })
  )
}, 60_000)

it("takes over from a processor that runs elsewhere, which stands by, and gives back to it", async () => {
  const [first, second] = await processes(open)
  const scope = Scope.makeUnsafe()
  const processor = Layer.buildWithScope(
    Processor.layer(Processor.projection(Balances), { lease: "400 millis" }),
    scope
  )
  await second.run(processor)
  await first.run(
    Effect.gen(function* () {
      for (let i = 0; i < 20; i++) yield* Aggregate.execute(Account, `${i}`, openIt())
      yield* register(Balances)
      const held = CheckpointStore.use((store) => store.acquire("projection/balances@1/0", "somebody", "1 second"))
      expect(yield* Effect.flip(held)).toMatchObject({ _tag: "LeaseHeld", holder: "inline" })
      const { position } = yield* Aggregate.execute(Account, "1", deposit(5))
      yield* inStore(second, Processor.waitFor(Balances, position, { timeout: "1 second" }))
      // Longer than the lease of who stands by.
      yield* Effect.sleep("700 millis")
      yield* Aggregate.execute(Account, "1", deposit(5))
      expect(yield* ReadModel.get(Balances, "1")).toEqual({ owner: "ada", balance: 10, count: 3 })

      const before = yield* EventStore.use(({ head }) => head)
      yield* Postgres.endInline(Balances)
      const stands = yield* CheckpointStore.use((store) => store.loadAll(Processor.slotNames("projection/balances@1")))
      expect(stands.map(({ position }) => position)).toEqual(stands.map(() => before))
      const after = yield* Aggregate.execute(Account, "1", deposit(5))
      yield* Processor.waitFor(Balances, after.position, { timeout: "10 seconds" })
      expect(yield* ReadModel.get(Balances, "1")).toEqual({ owner: "ada", balance: 15, count: 4 })
      const { folded, kept } = yield* compare(Balances)
      expect(kept).toEqual(folded)
      yield* Postgres.endInline(Balances)
    })
  )
  await Effect.runPromise(Scope.close(scope, Exit.void))
}, 60_000)

it("takes the lease of a processor that is about to commit, whose rows are undone", async () => {
  const [store, elsewhere] = await processes(open)
  await store.run(Aggregate.execute(Account, "1", openIt()))
  const name = `projection/balances@1/${Processor.slotOf("1")}`
  let begun = (): void => undefined
  let goOn = (): void => undefined
  const hasBegun = new Promise<void>((resolve) => (begun = resolve))
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
  const committing = elsewhere.run(
    Effect.gen(function* () {
      const { acquire, transact } = yield* CheckpointStore
      const { apply } = yield* ReadModelStore
      const lease = yield* acquire(name, "elsewhere", "1 minute")
      const row = {
        key: "1",
        position: Position.make(1),
        row: '{"owner":"eve","balance":99,"count":1}',
        index: { balance: 99 }
      }
      const writes = Effect.andThen(
        apply(Balances.table, [row]),
        Effect.promise(() => (begun(), mayGoOn))
      )
      return yield* Effect.flip(transact({ name, from: Position.beginning, to: Position.make(1), lease }, writes))
    })
  )
  await hasBegun
  const switching = store.run(register(Balances))
  const holder = `SELECT count(*)::int FROM ${store.schema}.checkpoints WHERE holder = 'inline'`
  await store.run(
    until(
      "the lease is taken",
      Effect.map(count(store, holder), (held) => held === 16)
    )
  )
  goOn()
  expect(await committing).toMatchObject({ _tag: "LeaseLost" })
  await switching
  expect(await store.run(ReadModel.get(Balances, "1"))).toEqual({ owner: "ada", balance: 0, count: 1 })
}, 60_000)

it("goes back and forth under load", async () => {
  const [first, second, third] = await processes(open)
  const scope = Scope.makeUnsafe()
  const processor = Processor.layer(Processor.projection(Balances), { lease: "200 millis" })
  await third.run(Layer.buildWithScope(processor, scope))
  let appended = 0
  const load = { isOver: false }
  const loads = [first, second].flatMap((store) =>
    Array.from({ length: 3 }, (_, i) =>
      store.run(
        Effect.exit(
          Effect.gen(function* () {
            const { append } = yield* EventStore
            while (!load.isOver) {
              yield* append(stream(`${(i + appended) % 5}`), appended < 100 ? opened("ada") : deposited(1))
              appended += 1
            }
          })
        )
      )
    )
  )
  // Both know of it before it begins, as after a deploy.
  for (let i = 0; i < 3; i++) {
    await Promise.all([first, second].map((store) => store.run(register(Balances))))
    const before = appended
    await first.run(
      until(
        "load",
        Effect.sync(() => appended > before + 60)
      )
    )
    await second.run(Postgres.endInline(Balances))
    await first.run(
      until(
        "load",
        Effect.sync(() => appended > before + 120)
      )
    )
  }
  load.isOver = true
  for (const exit of await Promise.all(loads)) expect(exit).toEqual(Exit.void)
  await first.run(
    Effect.gen(function* () {
      expect(yield* stored(Account.name)).toBe(appended)
      const head = yield* EventStore.use(({ head }) => head)
      yield* Processor.waitFor(Balances, head, { timeout: "10 seconds" })
      const { folded, kept } = yield* compare(Balances)
      expect(kept).toEqual(folded)
    })
  )
  await Effect.runPromise(Scope.close(scope, Exit.void))
}, 60_000)

it("keeps one projection inline and another of the same category by its processor", async () => {
  const [store] = await processes(open)
  await store.run(
    Effect.gen(function* () {
      yield* register(Balances)
      yield* Layer.build(Processor.layer(Processor.projection(Histories)))
      for (let i = 0; i < 30; i++) yield* Aggregate.execute(Account, `${i % 5}`, i < 5 ? openIt() : deposit(1))
      const { position } = yield* Aggregate.execute(Account, "1", { _tag: "Close" })
      yield* Processor.waitFor(Histories, position)
      for (const { folded, kept } of [yield* compare(Balances), yield* compare(Histories)]) expect(kept).toEqual(folded)
    })
  )
}, 60_000)

it("begins with what a large log holds, by the processor first", async () => {
  const [store] = await processes(open)
  await store.run(
    Effect.gen(function* () {
      const { append } = yield* EventStore
      const many = (n: number) => Array.from({ length: n }, () => ({ type: "Deposited", data: { amount: 1 } }))
      for (let i = 0; i < 6; i++) {
        yield* append(stream(`${i}`), [...opened("ada"), ...many(400)])
        // Of what was removed before there is nothing to be removed.
        if (i === 3) yield* append(stream(`${i}`), [{ type: "Closed", data: {} }])
      }
      yield* register(Balances)
      expect(yield* ReadModel.get(Balances, "5")).toMatchObject({ balance: 400 })
      const { folded, kept } = yield* compare(Balances)
      expect(kept).toEqual(folded)
      expect(kept).toHaveLength(5)
    })
  )
}, 60_000)

it("leaves everything as it was where an event of the log fails, and names the event", async () => {
  const [store] = await processes(open)
  await store.run(
    Effect.gen(function* () {
      const { append } = yield* EventStore
      yield* append(stream("1"), [...opened("ada"), ...deposited(poison)])
      const error = yield* Effect.flip(register(Balances))
      expect(error).toMatchObject({ _tag: "InlineFailed", projection: "balances", isRetryable: false })
      expect(error.message).toContain("Account-1 at revision 1")
      // It is not inline: the log grows as before, and its lease is free.
      yield* append(stream("1"), deposited(1))
      const slots = Processor.slotNames("projection/balances@1")
      expect(yield* CheckpointStore.use((store) => store.acquireAll(slots, "me", "1 second"))).toHaveLength(16)
      expect(yield* ReadModel.get(Balances, "1")).toBeUndefined()
    })
  )
}, 60_000)

it("waits for a transaction that has appended, and holds up nobody else for long meanwhile", async () => {
  const [store, stranger] = await processes(open)
  await store.run(
    Effect.gen(function* () {
      const held = yield* heldOpen(
        stranger,
        EventStore.use(({ append }) => append(stream("held"), opened("eve")))
      )
      const switching = yield* Effect.forkScoped(register(Balances))
      yield* Effect.sleep("1200 millis")
      const { append } = yield* EventStore
      yield* append(stream("free"), opened("ada")).pipe(Effect.timeout("5 seconds"))
      expect(switching.pollUnsafe()).toBeUndefined()
      yield* held.commit
      yield* Fiber.join(switching)
      expect(yield* ReadModel.get(Balances, "held")).toMatchObject({ owner: "eve" })
      const { folded, kept } = yield* compare(Balances)
      expect(kept).toEqual(folded)
    })
  )
}, 60_000)
