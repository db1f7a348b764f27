// Runs a processor: takes part in its work, holds the leases of its share, follows the log with them, stops.
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { CheckpointStore, Stopped } from "../CheckpointStore.ts"
import type { Lease, Member } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { HandleError, Processor, RunOptions } from "../Processor.ts"
import { assign } from "./assignment.ts"
import { processor as makeCounts } from "./counts.ts"
import { EventFailed, isNewerVersion, problemOf, ProcessorStopped } from "./processorErrors.ts"
import * as processorParking from "./processorParking.ts"
import { serve } from "./processorTenure.ts"
import * as slots from "./slots.ts"
import { describe } from "./thrown.ts"

// A failing handler gets six attempts within about six seconds.
const defaultRetry = Schedule.max([Schedule.jittered(Schedule.exponential("200 millis")), Schedule.recurs(5)])

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
  const me: Member = { holder: yield* EventId.generate, partitions: options.partitions ?? 1 }
  const leaseFor = Duration.fromInputUnsafe(options.lease ?? "10 seconds")
  const name = processor.checkpoint
  const names = slots.namesOf(name)
  const leases = new Map<number, Lease>()
  const clock = yield* Clock.Clock
  // Until when the leases hold at least, by this process's own clock.
  let heldUntil = 0
  const holding = (since: number) => {
    heldUntil = since + Duration.toMillis(leaseFor)
  }
  let misses = 0
  const counts = makeCounts(yield* Effect.context<never>(), name)
  // Who was seen with the slots that are not this runner's.
  const seen = new Map<number, string>()

  // Where a store does not answer, leases run out by themselves: shutting down must not wait for it.
  const soon = <A, X>(effect: Effect.Effect<A, X>) =>
    Effect.ignore(Effect.timeout(Effect.interruptible(effect), "2 seconds"))

  const giveBack = (some: ReadonlyArray<number>) =>
    Effect.suspend(() => {
      const given = some.flatMap((slot) => leases.get(slot) ?? [])
      for (const slot of some) leases.delete(slot)
      return soon(checkpoints.release(given))
    })

  // An attempt that is interrupted may have taken leases before it answers: then they are given back.
  const take = (some: ReadonlyArray<number>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const began = clock.currentTimeMillisUnsafe()
        const taking = yield* Effect.forkDetach(
          checkpoints.acquireAll(
            some.map((slot) => slots.nameOf(name, slot)),
            me.holder,
            leaseFor
          ),
          { startImmediately: true }
        )
        const taken = yield* Effect.onInterrupt(restore(Fiber.join(taking)), () =>
          soon(Effect.flatMap(Fiber.join(taking), checkpoints.release))
        )
        if (leases.size === 0) holding(began)
        for (const lease of taken) leases.set(slotIn(lease), lease)
        const takenOver = taken.filter((lease) => seen.delete(slotIn(lease))).length
        if (takenOver > 0) counts.tookOver(takenOver)
      })
    )

  const slotIn = (lease: Lease): number => names.indexOf(lease.name)

  /** Which slots are this runner's, which of these are free, and into how many partitions all are divided. */
  const share = Effect.gen(function* () {
    const members = yield* checkpoints.attend(name, me, leaseFor)
    const holders = yield* checkpoints.holders(names)
    holders.forEach((holder, slot) => {
      if (holder !== undefined && holder !== me.holder) seen.set(slot, holder)
    })
    // Who rebuilds it needs it alone, for the moment of the switch.
    const isTaken = members.some((member) => member.partitions === 0)
    // Whoever came last knows best: it has the newest code.
    const partitions = members.findLast((member) => member.partitions > 0)?.partitions ?? me.partitions
    const owners = assign(
      members.map(({ holder }) => holder),
      Array.from({ length: partitions }, (_, partition) =>
        slots
          .ofPartition(partition, partitions)
          .map((slot) => holders[slot])
          .find((holder) => members.some((member) => member.holder === holder))
      )
    )
    const mine = isTaken ? [] : slots.all.filter((slot) => owners[slot % partitions] === me.holder)
    return {
      partitions,
      surplus: [...leases.keys()].filter((slot) => !mine.includes(slot)),
      free: mine.filter((slot) => !leases.has(slot) && (holders[slot] ?? me.holder) === me.holder)
    }
  })

  // A store that does not answer for a moment is no lost lease: a handler must not be cut off for it.
  const patiently = <A, X extends { readonly _tag: string }>(effect: Effect.Effect<A, X | CheckpointStoreError>) =>
    Effect.retry(effect, {
      while: (error) => error._tag === "CheckpointStoreError" && "isRetryable" in error && error.isRetryable,
      schedule: Schedule.spaced(Duration.divideUnsafe(leaseFor, 12)),
      times: 4
    })

  const isStale = () => clock.currentTimeMillisUnsafe() > heldUntil

  const renew = Effect.suspend(() => {
    const began = clock.currentTimeMillisUnsafe()
    return Effect.map(patiently(checkpoints.renew([...leases.values()])), () => holding(began))
  })

  /** Keeps the leases, until some are to be given away or more can be had. */
  const keep = (partitions: number, changed: Effect.Effect<void>, leave: Deferred.Deferred<void>) =>
    Effect.gen(function* () {
      while (true) {
        yield* Effect.timeoutOption(changed, Duration.divideUnsafe(leaseFor, 4))
        yield* renew
        if (Deferred.isDoneUnsafe(leave)) continue
        const now = yield* patiently(share)
        if (now.surplus.length > 0 || now.free.length > 0 || now.partitions !== partitions) {
          yield* Deferred.succeed(leave, undefined)
        }
      }
    })

  // Stopping is recorded while the lease is still held, so that it cannot hide what a successor does.
  const stop = (stopped: ProcessorStopped, key: string | undefined) =>
    Effect.suspend(() => {
      const lease = leases.get(key === undefined ? -1 : slots.slotOf(key)) ?? [...leases.values()][0]
      const record = checkpoints.stop(lease?.name ?? slots.nameOf(name, 0), new Stopped(stopped), lease)
      return Effect.andThen(Effect.ignore(record), Effect.fail(stopped))
    })

  // The time with one set of slots: takes what it can have, works, and gives away what others are to have.
  const tenure = Effect.scoped(
    Effect.gen(function* () {
      const changed = yield* checkpoints.watch(name, "lease")
      // Who may not keep it is not to take it from those who do, nor to tell others that it stopped.
      if (leases.size === 0 && processor.admit !== undefined) {
        yield* Effect.catch(processor.admit, (error): Effect.Effect<never, HandleError<E> | ProcessorStopped> =>
          error._tag === "ProjectionChanged" || error._tag === "ProjectionMoved"
            ? Effect.fail(stoppedBy(processor.name, error))
            : Effect.fail(error)
        )
      }
      let now = yield* share
      while (true) {
        yield* giveBack(now.surplus)
        if (now.free.length > 0) yield* take(now.free)
        if (leases.size > 0) break
        yield* Effect.timeoutOption(changed, Duration.divideUnsafe(leaseFor, 4))
        now = yield* share
      }
      // Held up for long it may have lost what it had before: that is seen here, and not in the midst of an event.
      if (isStale()) yield* renew
      const { partitions } = now
      const leave = yield* Deferred.make<void>()
      const parking = yield* processorParking.make(store, name, counts.parked)
      const serving = serve({
        processor,
        store,
        checkpoints,
        parking,
        leases,
        partitions,
        lookEvery: Duration.divideUnsafe(leaseFor, 4),
        leave,
        schedule: options.retry ?? defaultRetry,
        onFailure: options.onFailure ?? "stop",
        onUndecodable: options.onUndecodable ?? (options.onFailure === "park" ? "park" : "stop"),
        isStale,
        counts,
        committed: () => {
          misses = 0
          counts.flush()
        }
      })
      return yield* Effect.raceFirst(serving, keep(partitions, changed, leave)).pipe(
        Effect.catch((error): Effect.Effect<void, HandleError<E> | ProcessorStopped> =>
          mayPass(error) ? Effect.fail(error) : stop(stoppedBy(processor.name, error), keyOf(processor, error))
        ),
        // A bug in a schema or a schedule ends the runner as surely as a failing event does, and must be seen as well.
        Effect.catchDefect((defect) =>
          Effect.andThen(
            Effect.logError(`Processor "${processor.name}" died`, Cause.die(defect)),
            stop(stoppedWithoutEvent(processor.name, `it died of ${describe(defect)}`), undefined)
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
      if (!mayPass(error)) return stop(stoppedBy(processor.name, error), undefined)
      // What lasts is told, now and then; what passes is nobody's business.
      if (misses % 20 !== 3) return Effect.void
      return Effect.logWarning(
        `Processor "${processor.name}" has failed ${misses + 1} times in a row and tries again: ${error.message}`
      )
    }
    if (Cause.hasInterruptsOnly(cause)) {
      return Effect.logWarning(`Processor "${processor.name}": its store was interrupted from within; trying again`)
    }
    return Effect.andThen(
      Effect.logError(`Processor "${processor.name}" died`, cause),
      stop(stoppedWithoutEvent(processor.name, `it died of ${describe(Cause.squash(cause))}`), undefined)
    )
  }

  // Lost connections and lost leases pass: the next tenure begins from the stored checkpoints.
  const tenures = Effect.gen(function* () {
    const other = yield* checkpoints.announce(name, processor.follows ?? EventFilter.describe(processor.filter))
    if (other !== undefined) {
      const problem = `a processor of this name runs in this process already, on other events (${other}); rename one`
      return yield* stoppedWithoutEvent(processor.name, problem)
    }
    yield* Effect.addFinalizer(() =>
      Effect.andThen(giveBack([...leases.keys()]), soon(checkpoints.leave(name, me.holder)))
    )
    while (true) {
      const ended = yield* Effect.exit(tenure)
      if (Exit.isSuccess(ended)) continue
      yield* weigh(ended.cause)
      // Which of the leases are left is not known: all are taken anew.
      yield* giveBack([...leases.keys()])
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
        problem: problemOf(error.problem, error.isNewer)
      })
    : stoppedWithoutEvent(processor, problemOf(error.message, isNewerVersion(error)))

const stoppedWithoutEvent = (processor: string, problem: string): ProcessorStopped =>
  new ProcessorStopped({ processor, eventId: undefined, stream: undefined, position: undefined, problem })

/** The key of the event that a processor stopped on. */
const keyOf = <Name extends string, E, R>(
  processor: Processor<Name, E, R>,
  error: HandleError<E>
): string | undefined => (error instanceof EventFailed ? processor.prepare([error.event])[0]?.key : undefined)
