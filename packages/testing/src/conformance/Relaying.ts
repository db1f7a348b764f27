// Relaying: relays at work for laws, on a bus that a law can look into, hold up or let fail.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Bus from "evolvent/Bus"
import type { Message } from "evolvent/Bus"
import type { BusError } from "evolvent/BusError"
import { CheckpointStore } from "evolvent/CheckpointStore"
import type { EventData } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import * as EventFilter from "evolvent/EventFilter"
import type { Processor, ProcessorStopped, RunOptions } from "evolvent/Processor"
import * as StreamName from "evolvent/StreamName"
import * as Accounts from "./Account.ts"
import type { Account } from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { Subject } from "./Subject.ts"

/** A relay of accounts, as laws run it. */
export type Relay = Processor<string, BusError, Bus.Bus | EventStore | CheckpointStore>

/** A new aggregate and a relay of it. */
export const setUp = Effect.gen(function* () {
  const { relay } = yield* Subject
  const account = yield* Accounts.make()
  const name = yield* Fresh.name("relay")
  return { account, relay: relay(name, { from: [account] }) }
})

/** A deposit of an amount. */
export const deposited = (amount: number): EventData => ({ type: "Deposited", data: { amount } })

/** Deposits of amounts from a number on, in some streams in turn; each with its number as actor. */
export const deposit = Effect.fnUntraced(function* (account: Account, count: number, streams = 3, from = 0) {
  const store = yield* EventStore
  for (let n = from; n < from + count; n++) {
    const event = { ...deposited(n), metadata: { actor: `ada ${n}` } }
    yield* store.append(StreamName.make(account.name, String(n % streams)), [event])
  }
})

/** What the bus is to be told of an aggregate. */
export const expected = (account: Account): Effect.Effect<ReadonlyArray<Message>, unknown, EventStore> =>
  Effect.map(Contents.of(EventFilter.category(account.name)), (events) => events.map(Bus.fromRecorded))

/** What a law does around a relay's publishes and the moves of its checkpoints. */
export interface Around {
  readonly publish?: <A, R>(
    messages: ReadonlyArray<Message>,
    effect: Effect.Effect<A, BusError, R>
  ) => Effect.Effect<A, BusError, R>
  readonly commit?: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Runs a relay until the scope closes. */
export const start = Effect.fnUntraced(function* (
  relay: Relay,
  options?: RunOptions<BusError>,
  around: Around = {}
): Effect.fn.Return<
  { readonly kill: Effect.Effect<void>; readonly stopped: Effect.Effect<ProcessorStopped, Check.Broken> },
  never,
  Bus.Bus | EventStore | CheckpointStore | Scope.Scope
> {
  const { run } = yield* Subject
  const bus = yield* Bus.Bus
  const checkpoints = yield* CheckpointStore
  const { commit, publish } = around
  const running = run(relay, options).pipe(
    Effect.provideService(Bus.Bus, {
      ...bus,
      publish: (messages) => publish?.(messages, bus.publish(messages)) ?? bus.publish(messages)
    }),
    Effect.provideService(CheckpointStore, {
      ...checkpoints,
      transact: (moves, writes) => commit?.(checkpoints.transact(moves, writes)) ?? checkpoints.transact(moves, writes)
    })
  )
  const fiber = yield* Effect.forkScoped(Effect.result(running))
  return {
    kill: Fiber.interrupt(fiber),
    stopped: Effect.flatMap(Check.inTime(`waited for relay "${relay.name}" to stop`, Fiber.join(fiber)), (result) =>
      Result.isFailure(result) ? Effect.succeed(result.failure) : Effect.never
    )
  }
})

/** Waits until all events of an aggregate were received, then compares: each as it is stored, none twice, in order per stream. */
export const arrives = Effect.fnUntraced(function* (did: string, account: Account, got: ReadonlyArray<Message>) {
  const all = yield* expected(account)
  yield* Check.eventually(
    did,
    `${all.length} messages arrive`,
    Effect.sync(() => got.length),
    (n) => n >= all.length
  )
  const sorted = (messages: ReadonlyArray<Message>) => messages.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  yield* Check.equal(`${did}: the messages`, sorted(got), sorted(all))
})

/** The revisions of each stream rise. */
export const inOrder = (did: string, got: ReadonlyArray<Message>) => {
  const last = new Map<string, number>()
  const wrong = got.flatMap(({ revision, stream }) => {
    const before = last.get(stream) ?? -1
    last.set(stream, revision)
    return revision > before ? [] : [`${stream}: ${revision} after ${before}`]
  })
  return Check.equal(`${did}: messages out of order`, wrong, [])
}
