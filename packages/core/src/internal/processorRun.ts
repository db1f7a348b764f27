// Runs a processor: takes its lease, follows the log from its checkpoint, hands pages to it, retries, stops.
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CheckpointStore, Stopped } from "../CheckpointStore.ts"
import type { Lease } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { Page } from "../EventStore.ts"
import type { Commit, HandleError, Processor, RunOptions, Turn } from "../Processor.ts"
import { EventFailed, ProcessorStopped } from "./processorErrors.ts"
import { describe } from "./thrown.ts"

// A failing handler gets six attempts within about six seconds.
const defaultRetry = Schedule.max([Schedule.jittered(Schedule.exponential("200 millis")), Schedule.recurs(5)])

// As many pages are read ahead: enough to keep a store and its reader busy, and little enough to hold in memory.
const pagesAhead = 4

/** Pages that follow each other, as one. */
const together = (pages: Arr.NonEmptyReadonlyArray<Page>): Page =>
  pages.length === 1
    ? pages[0]
    : { events: pages.flatMap(({ events }) => events), through: Arr.lastNonEmpty(pages).through }

/** Runs a processor until it stops, on the stores of its surroundings. */
export const run = <Name extends string, E, R>(
  processor: Processor<Name, E, R>,
  options: RunOptions<E>
): Effect.Effect<never, ProcessorStopped, R | EventStore | CheckpointStore> =>
  EventStore.use((store) => CheckpointStore.use((checkpoints) => runOn(store, checkpoints, processor, options)))

/** Runs a processor on given stores; its handlers keep the services of their own surroundings. */
export const runOn = Effect.fnUntraced(function* <Name extends string, E, R>(
  store: EventStore["Service"],
  checkpoints: CheckpointStore["Service"],
  processor: Processor<Name, E, R>,
  options: RunOptions<E>
): Effect.fn.Return<never, ProcessorStopped, R> {
  const holder = yield* EventId.generate
  const leaseFor = Duration.fromInputUnsafe(options.lease ?? "10 seconds")
  const retry = retryEvents<E>(options.retry ?? defaultRetry)
  const name = processor.checkpoint
  let misses = 0

  // Where a store does not answer, the lease runs out by itself: shutting down must not wait for it.
  const soon = <A, X>(effect: Effect.Effect<A, X>) =>
    Effect.ignore(Effect.timeout(Effect.interruptible(effect), "2 seconds"))
  const release = (lease: Lease) => soon(checkpoints.release(lease))

  // An attempt that is interrupted may have taken the lease before it answers: then it is given back.
  const acquire = (restore: <A, X, S>(effect: Effect.Effect<A, X, S>) => Effect.Effect<A, X, S>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const changed = yield* checkpoints.watch(name)
        const wait = restore(Effect.timeoutOption(changed, Duration.divideUnsafe(leaseFor, 4)))
        const attempt = Effect.gen(function* () {
          const taking = yield* Effect.forkDetach(checkpoints.acquire(name, holder, leaseFor), {
            startImmediately: true
          })
          const giveBack = soon(Effect.flatMap(Fiber.join(taking), checkpoints.release))
          return yield* Effect.onInterrupt(restore(Fiber.join(taking)), () => giveBack)
        })
        const again: Effect.Effect<Lease, CheckpointStoreError> = Effect.catchTag(attempt, "LeaseHeld", () =>
          Effect.andThen(wait, again)
        )
        return yield* again
      })
    )

  // A store that does not answer for a moment is no lost lease: a handler must not be cut off for it.
  const renew = (lease: Lease) =>
    Effect.retry(checkpoints.renew(lease), {
      while: (error) => error._tag === "CheckpointStoreError" && error.isRetryable,
      schedule: Schedule.spaced(Duration.divideUnsafe(leaseFor, 12)),
      times: 4
    })

  const keepLease = (lease: Lease) =>
    Effect.forever(Effect.andThen(Effect.sleep(Duration.divideUnsafe(leaseFor, 3)), renew(lease)))

  const follow = Effect.fnUntraced(function* (lease: Lease) {
    let at = (yield* checkpoints.load(name)).position
    const commit: Commit = (to, writes) =>
      Effect.map(checkpoints.transact({ name, from: at, to, lease }, writes), () => {
        at = to
        misses = 0
      })
    const turn: Turn<E> = { commit, retry }
    // Pages are read while others are handled, and those that wait are handled as one: who lags behind takes larger steps.
    return yield* store.subscribe(processor.filter, { after: at }).pipe(
      Stream.buffer({ capacity: pagesAhead }),
      Stream.runForEachArray((pages) => processor.handle(together(pages), turn))
    )
  })

  // Stopping is recorded while the lease is still held, so that it cannot hide what a successor does.
  const stop = (lease: Lease, stopped: ProcessorStopped) =>
    Effect.andThen(Effect.ignore(checkpoints.stop(name, new Stopped(stopped), lease)), Effect.fail(stopped))

  const stopWithoutLease = (stopped: ProcessorStopped) =>
    Effect.andThen(Effect.ignore(checkpoints.stop(name, new Stopped(stopped))), Effect.fail(stopped))

  // The time of one lease, from taking it to losing it or giving it back.
  const tenure = Effect.scoped(
    Effect.gen(function* () {
      const lease = yield* Effect.uninterruptibleMask((restore) =>
        Effect.tap(acquire(restore), (lease) => Effect.addFinalizer(() => release(lease)))
      )
      return yield* Effect.raceFirst(follow(lease), keepLease(lease)).pipe(
        Effect.catch((error): Effect.Effect<never, HandleError<E> | ProcessorStopped> =>
          mayPass(error) ? Effect.fail(error) : stop(lease, stoppedBy(processor.name, error))
        ),
        // A bug in a schema or a schedule ends the runner as surely as a failing event does, and must be seen as well.
        Effect.catchDefect((defect) =>
          Effect.andThen(
            Effect.logError(`Processor "${processor.name}" died`, Cause.die(defect)),
            stop(lease, stoppedWithoutEvent(processor.name, `it died of ${describe(defect)}`))
          )
        )
      )
    })
  )

  /** Whether to go on after a tenure, or how the processor stopped. */
  const weigh = (cause: Cause.Cause<HandleError<E> | ProcessorStopped>): Effect.Effect<void, ProcessorStopped> => {
    const failed = Cause.findFail(cause)
    if (Result.isSuccess(failed)) {
      const { error } = failed.success
      if (error._tag === "ProcessorStopped") return Effect.fail(error)
      // What ends a tenure was looked at within it; what is left is a lease that cannot be had.
      return mayPass(error) ? Effect.void : stopWithoutLease(stoppedBy(processor.name, error))
    }
    if (Cause.hasInterruptsOnly(cause)) {
      return Effect.logWarning(`Processor "${processor.name}": its store was interrupted from within; trying again`)
    }
    return Effect.andThen(
      Effect.logError(`Processor "${processor.name}" died`, cause),
      stopWithoutLease(stoppedWithoutEvent(processor.name, `it died of ${describe(Cause.squash(cause))}`))
    )
  }

  // Lost connections and lost leases pass: the next tenure begins from the stored checkpoint.
  const tenures = Effect.gen(function* () {
    const other = yield* checkpoints.announce(name, EventFilter.describe(processor.filter))
    if (other !== undefined) {
      const problem = `a processor of this name runs in this process already, on other events (${other}); rename one`
      return yield* stoppedWithoutEvent(processor.name, problem)
    }
    while (true) {
      const ended = yield* Effect.exit(tenure)
      if (Exit.isFailure(ended)) yield* weigh(ended.cause)
      misses += 1
      yield* Effect.sleep(Duration.millis(Math.min(5000, 25 * 2 ** Math.min(misses, 10))))
    }
  })
  return yield* Effect.scoped(tenures)
})

/** Whether a failure is the surroundings' and not the event's: then the processor goes on by itself. */
const mayPass = <E>(error: HandleError<E>): boolean =>
  error._tag === "CheckpointMoved" || error._tag === "LeaseLost" || (error._tag !== "EventFailed" && error.isRetryable)

const stoppedBy = <E>(processor: string, error: HandleError<E>): ProcessorStopped =>
  error._tag === "EventFailed"
    ? new ProcessorStopped({
        processor,
        eventId: error.event.id,
        stream: error.event.stream,
        position: error.event.position,
        problem: error.problem
      })
    : stoppedWithoutEvent(processor, error.message)

const stoppedWithoutEvent = (processor: string, problem: string): ProcessorStopped =>
  new ProcessorStopped({ processor, eventId: undefined, stream: undefined, position: undefined, problem })

/** Repeats an effect while an event fails with an error of its handler; everything else goes through at once. */
const retryEvents =
  <E>(schedule: Schedule.Schedule<unknown, E>): Turn<E>["retry"] =>
  <A, X, R>(effect: Effect.Effect<A, X | EventFailed<E>, R>) =>
    Effect.suspend(() => {
      // The schedule sees the handler's error; what it gives up on is the whole failure.
      let last: EventFailed<E> | undefined
      return effect.pipe(
        Effect.matchEffect({
          onFailure: (failed): Effect.Effect<Result.Result<A, X | EventFailed<E>>, E> => {
            if (!(failed instanceof EventFailed) || failed.failure === undefined)
              return Effect.succeed(Result.fail(failed))
            last = failed
            return Effect.fail(failed.failure.error)
          },
          onSuccess: (value) => Effect.succeed(Result.succeed(value))
        }),
        Effect.retry(schedule),
        Effect.catch((error) => (last === undefined ? Effect.die(error) : Effect.succeed(Result.fail(last)))),
        Effect.flatMap(Effect.fromResult)
      )
    })
