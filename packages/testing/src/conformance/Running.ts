// Running: processors at work for laws, and a projection whose every mistake shows in its rows.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import type * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import type { Account } from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { Subject } from "./Subject.ts"

/**
 * A row of each account and one of all. A row tells the order and the number of its events; an account's is removed when
 * its balance comes to nothing, and then begins anew.
 */
export const ledger = (
  account: Account,
  name: string,
  options?: { readonly version?: number; readonly onDeposit?: (amount: number) => void }
) =>
  Projection.make(name, {
    from: [account],
    row: Schema.Struct({ balance: Schema.Int, trail: Schema.String }),
    initial: { balance: 0, trail: "" },
    key: ({ data: { amount }, streamId }) => (amount === all ? `account ${streamId}` : [`account ${streamId}`, "all"]),
    version: options?.version ?? 1
  })({
    evolve: {
      Deposited: ({ balance, trail }, { amount }) => {
        options?.onDeposit?.(amount)
        return { balance: balance + amount, trail: `${trail}+${amount}` }
      },
      Withdrawn: ({ balance, trail }, { amount }) =>
        balance <= amount ? Projection.remove : { balance: balance - amount, trail: `${trail}-${amount}` }
    }
  })

/** The type of these projections. */
export type Ledger = ReturnType<typeof ledger>

const all = 1_000_000

/** The amount of the event of a number; now and then one that takes everything. */
export const amountOf = (n: number): number => (n % 20 === 7 ? all : n)

/** Appends events of some accounts: deposits, and now and then a withdrawal, numbered from a number on. */
export const write = Effect.fnUntraced(function* (account: Account, count: number, from = 1) {
  const store = yield* EventStore
  let position = Position.beginning
  for (let n = from; n < from + count; n++) {
    const type = n % 5 === 0 || n % 20 === 7 ? "Withdrawn" : "Deposited"
    const data = { amount: amountOf(n) }
    const appended = yield* store.append(StreamName.make(account.name, String(n % 3)), [{ type, data }])
    position = appended.position
  }
  return position
})

/** A processor at work. */
export interface Running {
  /** Kills it, as the end of its process would, and waits until it is dead. */
  readonly kill: Effect.Effect<void>
  /** How it stopped by itself. */
  readonly stopped: Effect.Effect<Processor.ProcessorStopped, Check.Broken>
}

/** Runs a processor until the scope closes. */
export const start = Effect.fnUntraced(function* <Name extends string, E, R>(
  processor: Processor.Processor<Name, E, R>,
  options?: NoInfer<Processor.RunOptions<E>>
): Effect.fn.Return<Running, never, R | EventStore | CheckpointStore | Scope.Scope> {
  const { run } = yield* Subject
  // At once, as `Processor.layer` does it: who waits for it next must find it running.
  const fiber = yield* Effect.forkScoped(Effect.result(run(processor, options)), { startImmediately: true })
  return {
    kill: Fiber.interrupt(fiber),
    stopped: Effect.flatMap(
      Check.inTime(`waited for processor "${processor.name}" to stop`, Fiber.join(fiber)),
      (result) => (Result.isFailure(result) ? Effect.succeed(result.failure) : Effect.never)
    )
  }
})

/** The read model is what folding the log gives. */
export const equalsFold = Effect.fnUntraced(function* (did: string, projection: Ledger) {
  const store = yield* EventStore
  const expected = yield* Projection.fold(projection, store.read(projection.filter))
  const { rows } = yield* ReadModel.list(projection, { limit: 1000 })
  const inOrder = [...expected].sort(([a], [b]) => (a < b ? -1 : 1))
  yield* Check.equal(
    `${did}: the rows, against Projection.fold`,
    rows.map(({ key, row }) => [key, row]),
    inOrder
  )
})

/** Waits until a projection has handled everything that is stored, then compares it with the fold. */
export const catchesUp = Effect.fnUntraced(function* (did: string, projection: Ledger) {
  const store = yield* EventStore
  const { status } = yield* Subject
  const head = yield* store.head
  yield* Check.eventually(
    did,
    `the projection reaches the head ${head}`,
    status(projection),
    (now) => now.position >= head
  )
  yield* equalsFold(did, projection)
})

/** A projection under a new name. */
export const newLedger = (account: Account, options?: { readonly onDeposit?: (amount: number) => void }) =>
  Effect.map(Fresh.name("ledger"), (name) => ledger(account, name, options))

/** A checkpoint stands behind one event and in front of another; positions between them are nobody's. */
export const standsBetween = (
  did: string,
  found: Position.Position,
  event: Position.Position,
  next: Position.Position
) => Check.holds(`${did}: its checkpoint`, `from ${event} to ${next - 1}`, found >= event && found < next, found)
