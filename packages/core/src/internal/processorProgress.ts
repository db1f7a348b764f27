// processorProgress: moves the checkpoints of a worker's slots: at once with what is written, and now and then past the rest.
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { CheckpointStore, Lease, Move } from "../CheckpointStore.ts"
import { LeaseLost } from "../CheckpointStoreError.ts"
import type { CheckpointMoved, CheckpointStoreError } from "../CheckpointStoreError.ts"
import * as Position from "../Position.ts"
import type { Step } from "../Processor.ts"
import { nameOf, slotOf } from "./slots.ts"

/** What a worker's progress is about. */
export interface Slots {
  readonly checkpoints: CheckpointStore["Service"]
  /** What the names of the checkpoints begin with. */
  readonly checkpoint: string
  readonly slots: ReadonlyArray<number>
  /** The leases of the slots, and where their checkpoints stand. */
  readonly leases: ReadonlyMap<number, Lease>
  readonly positions: Map<number, Position.Position>
  readonly committed: () => void
  /** Has the worker do by itself what could not be done beside it, so that it fails with what that fails with. */
  readonly hand: Effect.Effect<unknown>
}

type CommitError = CheckpointMoved | LeaseLost | CheckpointStoreError

/** How far a worker has come, as it writes it down. */
export interface Progress {
  /** Writes what some steps led to, and moves to a position at least the checkpoints of their slots; of all slots without steps. */
  readonly commit: <X, R>(
    to: Position.Position,
    writes: Effect.Effect<void, X, R>,
    steps?: ReadonlyArray<Step>
  ) => Effect.Effect<void, X | CommitError, R>
  /** Everything up to a position is handled: that is written down at once for who waits, and else within a moment. */
  readonly pass: (to: Position.Position) => Effect.Effect<void, CommitError>
  /** `pass` for those who handle one event after the other: whether it is to be written down at once, by `catchUp`. */
  readonly passUnsafe: (to: Position.Position) => boolean
  /** Writes down how far it has come. */
  readonly catchUp: Effect.Effect<void, CommitError>
  /** Writes under the lease of a slot, whose checkpoint stays where it is. */
  readonly fenced: <A, X, R>(slot: number, writes: Effect.Effect<A, X, R>) => Effect.Effect<A, X | CommitError, R>
  /** Writes down in time what was passed, beside the worker. */
  readonly keep: Effect.Effect<never>
  /** Writes it down for the last time, while the leases are held; who comes next can do without, and only reads more. */
  readonly end: Effect.Effect<void>
  /** Whether the checkpoints stand where they are believed to: what was cut off may still be on its way. */
  readonly isKnown: () => boolean
}

// So long others may believe that it has not come as far as it has; shorter would cost idle processors more, longer would
// be felt by who waits in another process.
const often = 200

// Who looks must not wait for long: a store that is busy, or a connection that the one who looks has himself.
const patience = "200 millis"

/** The progress of a worker, until the scope closes. */
export const make = Effect.fnUntraced(function* ({
  checkpoint,
  checkpoints,
  committed,
  hand,
  leases,
  positions,
  slots
}: Slots): Effect.fn.Return<Progress, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const turn = yield* Semaphore.make(1)
  const isBehind = yield* Latch.make(false)
  const wanted = yield* Queue.sliding<void>(1)
  const looking: Array<Deferred.Deferred<void>> = []
  // Everything up to here is handled.
  let passed = Position.make(Math.min(...slots.map((slot) => positions.get(slot) ?? Position.beginning)))
  let caughtUpAt = -Infinity
  let isBusy = false
  // Whether the checkpoints stand where they are believed to: of what was cut off or failed last that is not sure.
  let isKnown = true

  const movesTo = (to: Position.Position, some: Iterable<number>): ReadonlyArray<Move> => {
    const moves: Array<Move> = []
    for (const slot of some) {
      const lease = leases.get(slot)
      const from = positions.get(slot)
      if (lease !== undefined && from !== undefined && from < to) moves.push({ name: lease.name, from, to, lease })
    }
    return moves
  }

  const told = (): void => {
    // Who is told goes on at once, and may look again before this is over.
    for (const one of looking.splice(0)) Deferred.doneUnsafe(one, Effect.void)
  }

  // Who begins to wait has it written down what was passed; what is being written is seen when that is through.
  const settle = Effect.suspend(() => {
    if (isBusy || movesTo(passed, slots).length === 0) return Effect.void
    const done = Deferred.makeUnsafe<void>()
    looking.push(done)
    Queue.offerUnsafe(wanted, undefined)
    return Effect.ignore(Effect.timeoutOption(Deferred.await(done), patience))
  })
  const isWatched = yield* checkpoints.defer(checkpoint, settle)
  yield* Effect.addFinalizer(() => Effect.sync(told))

  /** One thing after the other, and then sees to what is left behind. */
  const inTurn = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    turn.withPermits(1)(
      Effect.suspend(() => {
        isBusy = true
        return Effect.ensuring(
          effect,
          // In one step: who passes something in between has opened it.
          Effect.sync(() => {
            isBusy = false
            if (movesTo(passed, slots).length === 0) return isBehind.closeUnsafe()
            if (isWatched()) Queue.offerUnsafe(wanted, undefined)
            return isBehind.openUnsafe()
          })
        )
      })
    )

  // A move that nobody answered for may have gone through: then what comes next begins where that led to, so that what was
  // handled meanwhile is not refused, and handled again.
  const known = Effect.suspend(() => {
    if (isKnown) return Effect.void
    return Effect.map(checkpoints.loadAll(slots.map((slot) => nameOf(checkpoint, slot))), (all) => {
      slots.forEach((slot, i) => {
        const stands = all[i]?.position ?? Position.beginning
        const at = positions.get(slot)
        // Under its leases nobody else moves them; if somebody did, the next move is refused.
        if (at !== undefined && at < stands && stands <= passed) positions.set(slot, stands)
      })
      isKnown = true
    })
  })

  const move = <X, R>(
    to: Position.Position,
    some: Iterable<number>,
    writes: Effect.Effect<void, X, R>
  ): Effect.Effect<void, X | CommitError, R> =>
    Effect.flatMap(known, () => {
      const moves = movesTo(to, some)
      // Everything was handled before, by whoever had these slots.
      if (moves.length === 0) return Effect.void
      isKnown = false
      // Where the writes fail nothing moves.
      const writing = Effect.tapError(writes, () => Effect.sync(() => (isKnown = true)))
      return Effect.map(checkpoints.transact(moves, writing), () => {
        isKnown = true
        for (const slot of some) if ((positions.get(slot) ?? to) < to) positions.set(slot, to)
        passed = Position.max(passed, to)
        if (some === slots) caughtUpAt = clock.currentTimeMillisUnsafe()
        committed()
      })
    })

  /** How long it may still wait; a clock that was set back must not make that longer. */
  const left = () => Math.max(0, Math.min(often, caughtUpAt + often - clock.currentTimeMillisUnsafe()))

  const isDue = () => isWatched() || left() === 0 || clock.currentTimeMillisUnsafe() < caughtUpAt

  /** The slots that are to move with some steps: theirs, or all where these are nearly all. */
  const slotsOf = (steps: ReadonlyArray<Step> | undefined): Iterable<number> =>
    steps === undefined || steps.length >= slots.length || isDue()
      ? slots
      : new Set(steps.map(({ key }) => slotOf(key)))

  const passUnsafe = (to: Position.Position): boolean => {
    passed = Position.max(passed, to)
    if (isDue()) return true
    isBehind.openUnsafe()
    return false
  }

  const catchUp = inTurn(Effect.suspend(() => move(passed, slots, Effect.void)))

  return {
    commit: (to, writes, steps) => inTurn(Effect.suspend(() => move(to, slotsOf(steps), writes))),
    pass: (to) => Effect.suspend(() => (passUnsafe(to) ? catchUp : Effect.void)),
    passUnsafe,
    catchUp,
    fenced: (slot, writes) =>
      inTurn(
        Effect.flatMap(known, () => {
          const lease = leases.get(slot)
          const at = positions.get(slot)
          // Not this runner's any more: what it was about to do is for another one.
          if (lease === undefined || at === undefined) {
            return Effect.fail(new LeaseLost({ name: nameOf(checkpoint, slot), holder: "nobody", token: 0 }))
          }
          return checkpoints.transact({ name: lease.name, from: at, to: at, lease }, writes)
        })
      ),
    keep: Effect.gen(function* () {
      while (true) {
        yield* isBehind.await
        yield* Effect.timeoutOption(Queue.take(wanted), left())
        const isDone = yield* Effect.isSuccess(catchUp)
        told()
        if (isDone) continue
        // A handler must not be cut off for it: the worker sees to it when it is through with that.
        yield* hand
        yield* Effect.sleep(often)
      }
    }),
    // What was cut off last may still be on its way, and must not find its checkpoints moved.
    end: Effect.ignore(
      Effect.timeout(
        Effect.interruptible(inTurn(Effect.suspend(() => (isKnown ? move(passed, slots, Effect.void) : Effect.void)))),
        "250 millis"
      )
    ),
    isKnown: () => isKnown
  }
})
