// processorFeed: divides the log among the workers of a runner: one subscription for all, and one more for who is held up.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EventStore, Page } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Position } from "../Position.ts"
import type { Processor, Step } from "../Processor.ts"
import type { Jobs } from "./processorJobs.ts"
import { slotOf } from "./slots.ts"

/** A worker, as it is fed. */
export interface Fed {
  readonly slots: ReadonlyArray<number>
  readonly jobs: Jobs
}

interface State {
  /** Everything up to here was put before it. */
  through: Position
  /** Whether it is fed by a subscription of its own. */
  isHeldUp: boolean
}

// So long the others wait for one that takes nothing: in catching up many are busy for a moment.
const patience = "500 millis"

/** Feeds workers from a position on, with what lies behind where each of their slots stands. */
export const feed = Effect.fnUntraced(function* <Name extends string, E, R, W extends Fed>(
  store: EventStore["Service"],
  { filter, prepare }: Processor<Name, E, R>,
  workers: ReadonlyArray<W>,
  from: Position,
  /** Undefined where there is nothing to divide: one worker for all slots, which stand at one position. */
  positions: ReadonlyMap<number, Position> | undefined
): Effect.fn.Return<never, EventStoreError, Scope.Scope> {
  const scope = yield* Effect.scope
  const lost = yield* Deferred.make<never, EventStoreError>()
  const states = new Map(workers.map((worker): [Fed, State] => [worker, { through: from, isHeldUp: false }]))
  const workerOf = new Map(workers.flatMap((worker) => worker.slots.map((slot) => [slot, worker] as const)))
  // How far the subscription for all has come.
  let all = from

  /** The steps of each worker: of its slots, and not put before it or handled earlier. */
  const divide = (steps: ReadonlyArray<Step>): ReadonlyMap<Fed, ReadonlyArray<Step>> => {
    const [only] = workers
    if (only !== undefined && positions === undefined) return new Map([[only, steps]])
    const divided = new Map<Fed, Array<Step>>(workers.map((worker) => [worker, []]))
    for (const step of steps) {
      const slot = slotOf(step.key)
      const worker = workerOf.get(slot)
      if (worker === undefined) continue
      const passed = Math.max(positions?.get(slot) ?? 0, states.get(worker)?.through ?? 0)
      if (step.recorded.position > passed) divided.get(worker)?.push(step)
    }
    return divided
  }

  /** Puts a page before a worker, unless that takes nothing for too long and others wait for it. */
  const give = (
    worker: Fed,
    state: State,
    steps: ReadonlyArray<Step>,
    through: Position,
    isAwaited?: () => boolean
  ): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      if (Queue.offerUnsafe(worker.jobs.queue, { _tag: "Page", steps, through })) {
        state.through = through
        return Effect.succeed(true)
      }
      const { room } = worker.jobs
      if (isAwaited === undefined) return Effect.andThen(room, give(worker, state, steps, through))
      // Asked anew each time: who was held up may be back meanwhile, and is not to wait for this one.
      return Effect.flatMap(Effect.timeoutOption(room, patience), (found) =>
        Option.isNone(found) && isAwaited() ? Effect.succeed(false) : give(worker, state, steps, through, isAwaited)
      )
    })

  // Nobody waits for the only one.
  const others =
    workers.length === 1 ? undefined : () => [...states.values()].filter(({ isHeldUp }) => !isHeldUp).length > 1

  /** Feeds one by itself, from where it was, until it has come as far as the others and has nothing left to do. */
  const apart = (worker: Fed, state: State) =>
    store.subscribe(filter, { after: state.through }).pipe(
      Stream.mapEffect(({ events, through }) =>
        Effect.as(give(worker, state, divide(prepare(events)).get(worker) ?? [], through), undefined)
      ),
      Stream.takeUntil(() => {
        const isBack = state.through >= all && Queue.sizeUnsafe(worker.jobs.queue) <= 1
        if (isBack) state.isHeldUp = false
        return isBack
      }),
      Stream.runDrain,
      Effect.catchCause((cause) => Deferred.failCause(lost, cause))
    )

  const distribute = ({ events, through }: Page) =>
    Effect.suspend(() => {
      all = through
      const divided = divide(prepare(events))
      return Effect.forEach(
        states,
        ([worker, state]) => {
          if (state.isHeldUp || through <= state.through) return Effect.void
          return Effect.flatMap(give(worker, state, divided.get(worker) ?? [], through, others), (isGiven) => {
            if (isGiven) return Effect.void
            state.isHeldUp = true
            return Effect.forkIn(apart(worker, state), scope)
          })
        },
        { discard: true }
      )
    })

  const together = store
    .subscribe(filter, { after: from })
    .pipe(Stream.runForEachArray((pages) => Effect.forEach(pages, distribute, { discard: true })))
  return yield* Effect.raceFirst(Effect.andThen(together, Effect.never), Deferred.await(lost))
})
