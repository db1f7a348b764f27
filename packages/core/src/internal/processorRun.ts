// Runs a processor: takes its lease, follows the log from its checkpoint, hands pages to it, retries, stops.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CheckpointStore, Stopped } from "../CheckpointStore.ts"
import type { Lease } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { Commit, HandleError, Processor, RunOptions, Turn } from "../Processor.ts"
import { EventFailed, ProcessorStopped } from "./processorErrors.ts"

// A failing handler gets six attempts within about six seconds.
const defaultRetry = Schedule.max([Schedule.jittered(Schedule.exponential("200 millis")), Schedule.recurs(5)])

/** Runs a processor until it stops. */
export const run = Effect.fnUntraced(function* <Name extends string, E, R>(
  processor: Processor<Name, E, R>,
  options: RunOptions<E>
): Effect.fn.Return<never, ProcessorStopped, R | EventStore | CheckpointStore> {
  const checkpoints = yield* CheckpointStore
  const store = yield* EventStore
  const holder = yield* EventId.generate
  const leaseFor = Duration.fromInputUnsafe(options.lease ?? "10 seconds")
  const retry = retryEvents<E>(options.retry ?? defaultRetry)
  const name = processor.checkpoint
  let misses = 0

  const acquire = Effect.scoped(
    Effect.gen(function* () {
      const changed = yield* checkpoints.watch(name)
      const again: Effect.Effect<Lease, CheckpointStoreError> = checkpoints
        .acquire(name, holder, leaseFor)
        .pipe(
          Effect.catchTag("LeaseHeld", () =>
            Effect.andThen(Effect.timeoutOption(changed, Duration.divideUnsafe(leaseFor, 4)), again)
          )
        )
      return yield* again
    })
  )

  const keepLease = (lease: Lease) =>
    Effect.forever(Effect.andThen(Effect.sleep(Duration.divideUnsafe(leaseFor, 3)), checkpoints.renew(lease)))

  const follow = Effect.fnUntraced(function* (lease: Lease) {
    let at = (yield* checkpoints.load(name)).position
    const commit: Commit = (to, writes) =>
      Effect.map(checkpoints.transact({ name, from: at, to, lease }, writes), () => {
        at = to
        misses = 0
      })
    const turn: Turn<E> = { commit, retry }
    return yield* Stream.runForEach(store.subscribe(processor.filter, { after: at }), (page) =>
      processor.handle(page, turn)
    )
  })

  // Stopping is recorded while the lease is still held, so that it cannot hide what a successor does.
  const stop = (lease: Lease, error: HandleError<E>) =>
    Effect.gen(function* () {
      const stopped = stoppedBy(processor.name, error)
      yield* Effect.ignore(checkpoints.stop(name, new Stopped(stopped), lease))
      return yield* stopped
    })

  const turn = Effect.scoped(
    Effect.gen(function* () {
      // Waiting for the lease can be interrupted; once it is held, it is given back whatever happens.
      const lease = yield* Effect.uninterruptibleMask((restore) =>
        Effect.tap(restore(acquire), (lease) => Effect.addFinalizer(() => Effect.ignore(checkpoints.release(lease))))
      )
      return yield* Effect.catch(
        Effect.raceFirst(follow(lease), keepLease(lease)),
        (error): Effect.Effect<never, HandleError<E> | ProcessorStopped> =>
          mayPass(error) ? Effect.fail(error) : stop(lease, error)
      )
    })
  )

  // Lost connections and lost leases pass: the next turn begins from the stored checkpoint.
  const turns = Effect.gen(function* () {
    yield* checkpoints.announce(name)
    while (true) {
      const ended = yield* Effect.result(turn)
      if (Result.isFailure(ended) && ended.failure._tag === "ProcessorStopped") return yield* ended.failure
      misses += 1
      yield* Effect.sleep(Duration.millis(Math.min(5000, 25 * 2 ** Math.min(misses, 10))))
    }
  })
  return yield* Effect.scoped(turns)
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
    : new ProcessorStopped({
        processor,
        eventId: undefined,
        stream: undefined,
        position: undefined,
        problem: error.message
      })

/** Repeats an effect while an event fails with an error of its handler; everything else goes through at once. */
const retryEvents =
  <E>(schedule: Schedule.Schedule<unknown, E>): Turn<E>["retry"] =>
  <A, X, R>(effect: Effect.Effect<A, X | EventFailed<E>, R>) =>
    Effect.suspend(() => {
      let last: EventFailed<E> | undefined
      return effect.pipe(
        Effect.matchEffect({
          onFailure: (failure): Effect.Effect<Result.Result<A, X | EventFailed<E>>, E> => {
            if (!(failure instanceof EventFailed) || failure.error === undefined)
              return Effect.succeed(Result.fail(failure))
            last = failure
            return Effect.fail(failure.error)
          },
          onSuccess: (value) => Effect.succeed(Result.succeed(value))
        }),
        Effect.retry(schedule),
        Effect.catch((error) => Effect.succeed(Result.fail<X | EventFailed<E>>(last ?? (error as never)))),
        Effect.flatMap(Effect.fromResult)
      )
    })
