// A worker handles the events of one partition, in their order, and moves the checkpoints of its slots.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { CheckpointStore, Lease } from "../CheckpointStore.ts"
import { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { EventStore } from "../EventStore.ts"
import { Unavailable } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { HandleError, OnFailure, OnUndecodable, Processor, Step } from "../Processor.ts"
import type { Counts } from "./counts.ts"
import { lend } from "./fence.ts"
import { tryingAgain } from "./processorAgain.ts"
import { EventFailed } from "./processorErrors.ts"
import { together } from "./processorJobs.ts"
import type { Jobs } from "./processorJobs.ts"
import { entryOf } from "./processorParking.ts"
import type { Parking } from "./processorParking.ts"
import { make as makeProgress } from "./processorProgress.ts"
import type { Progress } from "./processorProgress.ts"
import { alarm } from "./processorTimers.ts"
import type { Timer } from "./processorTimers.ts"
import { isGivenUp } from "./retryEvents.ts"
import type { GivenUp } from "./retryEvents.ts"
import { slotOf } from "./slots.ts"
import * as spans from "./spans.ts"

/** What the workers of a runner share. */
export interface Surroundings<Name extends string, E, R> {
  readonly processor: Processor<Name, E, R>
  readonly store: EventStore["Service"]
  readonly checkpoints: CheckpointStore["Service"]
  readonly parking: Parking
  /** The leases of the slots, and where their checkpoints stand. */
  readonly leases: ReadonlyMap<number, Lease>
  readonly positions: Map<number, Position.Position>
  readonly retry: <A, X, R2>(
    effect: Effect.Effect<A, X | EventFailed<E>, R2>,
    first?: EventFailed<E>
  ) => Effect.Effect<A | GivenUp<E>, X, R2>
  readonly onFailure: OnFailure | ((failure: E) => OnFailure)
  readonly onUndecodable: OnUndecodable
  /** Whether the runner is about to give slots away: then no further event is begun. */
  readonly isLeaving: () => boolean
  readonly committed: () => void
  readonly counts: Counts
}

const behind = "an earlier event of its key is parked"

/** Works on what comes through a queue, until interrupted or until the runner is leaving. */
export const work = Effect.fnUntraced(function* <Name extends string, E, R>(
  surroundings: Surroundings<Name, E, R>,
  slots: ReadonlyArray<number>,
  jobs: Jobs,
  left: Effect.Effect<void>
): Effect.fn.Return<void, HandleError<E>, R | Scope.Scope> {
  // Where there is no room for that it is tried again beside the worker.
  const hand = Effect.sync(() => Queue.offerUnsafe(jobs.queue, { _tag: "CatchUp" }))
  const progress = yield* makeProgress({ ...surroundings, checkpoint: surroundings.processor.checkpoint, slots, hand })
  const working = worker(surroundings, slots, jobs, left, progress)
  yield* Effect.raceFirst(Effect.ensuring(working, progress.end), progress.keep)
  if (progress.isKnown()) return
  // A move that is still on its way would have what is handled next refused, and handled again. Behind a new lease it is too late.
  const problem = "it did not answer when a processor wrote down how far it had come; its leases are taken anew"
  return yield* new CheckpointStoreError({ operation: "Processor.run", reason: new Unavailable({ problem }) })
}, Effect.scoped)

const worker = <Name extends string, E, R>(
  surroundings: Surroundings<Name, E, R>,
  slots: ReadonlyArray<number>,
  jobs: Jobs,
  left: Effect.Effect<void>,
  progress: Progress
): Effect.Effect<void, HandleError<E>, R> => {
  const { counts, isLeaving, onFailure, onUndecodable, parking, processor, retry } = surroundings
  const { commit, fenced, pass } = progress

  /** Handles one step; what a process manager appends by itself is fenced. */
  const handle = (step: Step) =>
    processor.timers === undefined ? processor.handle([step]) : fenceFor(step.key, processor.handle([step]))

  const fenceFor = <A, X, R2>(key: string, effect: Effect.Effect<A, X, R2>): Effect.Effect<A, X, R2> =>
    lend((inner) => fenced(slotOf(key), inner))(effect)

  const parks = ({ failure, isNewer, undecoded }: EventFailed<E>): boolean => {
    // Set aside, it would wait for a person, and newer code is on its way.
    if (isNewer) return false
    if (undecoded !== undefined) return onUndecodable === "park"
    return typeof onFailure === "string"
      ? onFailure === "park"
      : failure !== undefined && onFailure(failure.error) === "park"
  }

  /** What a step is given up for before it was tried. */
  const unready = ({ problem, recorded: event, undecoded }: Step): GivenUp<E> => ({
    failed: new EventFailed<E>({ event, failure: undefined, problem: problem ?? "", undecoded }),
    attempts: 1
  })

  const passedOver = ({ problem, recorded: { id, stream } }: Step) =>
    Effect.logWarning(`Processor "${processor.name}" passes event ${id} of stream ${stream} over: ${problem}`)

  /** Sets a step aside, or fails with what it failed with. */
  const giveUp = (
    step: Step,
    { attempts, failed }: GivenUp<E>,
    timer?: Timer
  ): Effect.Effect<void, EventFailed<E> | EventStoreError> =>
    parks(failed) ? parking.park(entryOf(step, failed.problem, attempts, timer)) : Effect.fail(failed)

  /** The steps of one event: each key by itself, since one may be parked and another not. */
  const apart = (steps: ReadonlyArray<Step>, position: Position.Position) => {
    let isHandled = false
    const writes = Effect.forEach(
      steps,
      (step): Effect.Effect<Effect.Effect<void, HandleError<E>, R>, HandleError<E>, R> => {
        if (step.undecoded === "NewerVersion") return Effect.fail(unready(step).failed)
        if (step.undecoded !== undefined && onUndecodable === "skip") return Effect.as(passedOver(step), Effect.void)
        if (parking.has(step.key)) return Effect.succeed(parking.park(entryOf(step, behind, 0)))
        if (step.problem !== undefined) return Effect.succeed(giveUp(step, unready(step)))
        return Effect.map(retry(handle(step)), (done) => {
          isHandled ||= !isGivenUp(done)
          return isGivenUp(done) ? giveUp(step, done) : done
        })
      }
    )
    return Effect.flatMap(writes, (all) => {
      if (isLeaving()) return Effect.void
      if (isHandled) counts.handled(1)
      return commit(position, Effect.all(all, { discard: true }), steps)
    })
  }

  /** An event of one key: what is written for it is a part of what is tried again. */
  const alone = (
    step: Step,
    position: Position.Position,
    first?: EventFailed<E>
  ): Effect.Effect<void, HandleError<E>, R> => {
    if (parking.has(step.key) || step.problem !== undefined) return apart([step], position)
    const handled = (writes: Effect.Effect<void, HandleError<E>, R>): Effect.Effect<void, HandleError<E>, R> => {
      counts.handled(1)
      return processor.commits === "now and then"
        ? Effect.andThen(writes, pass(position))
        : commit(position, writes, [step])
    }
    return Effect.flatMap(retry(Effect.flatMap(handle(step), handled), first), (done) =>
      // Who leaves in the midst of trying leaves it to the next.
      isGivenUp(done) && !isLeaving() ? commit(position, giveUp(step, done), [step]) : Effect.void
    )
  }

  /**
   * Handles steps with which nothing is written, from one on, at the least cost for each; gives the first that needs more care,
   * and what that failed with.
   */
  const swiftly = (steps: ReadonlyArray<Step>, from: number) =>
    Effect.suspend(() => {
      let i = from
      let isDue = false
      const isPlain = (step: Step | undefined): step is Step =>
        step !== undefined &&
        step.problem === undefined &&
        !parking.has(step.key) &&
        steps[i + 1]?.recorded.position !== step.recorded.position
      const all = Effect.whileLoop({
        while: () => isPlain(steps[i]) && !isLeaving(),
        body: (): Effect.Effect<unknown, HandleError<E>, R> => {
          if (!isDue) return handle(steps[i] as Step)
          isDue = false
          return Effect.andThen(progress.catchUp, handle(steps[i] as Step))
        },
        step: () => {
          counts.handled(1)
          isDue = progress.passUnsafe((steps[i] as Step).recorded.position)
          i += 1
        }
      })
      return Effect.matchEffect(all, {
        onFailure: (error) =>
          error instanceof EventFailed ? Effect.succeed({ next: i, failed: error }) : Effect.fail(error),
        onSuccess: () => Effect.succeed({ next: i, failed: undefined })
      })
    })

  const oneByOne = Effect.fnUntraced(function* (
    steps: ReadonlyArray<Step>,
    through: Position.Position
  ): Effect.fn.Return<void, HandleError<E>, R> {
    for (let i = 0; i < steps.length;) {
      let failed: EventFailed<E> | undefined
      if (processor.commits === "now and then") ({ failed, next: i } = yield* swiftly(steps, i))
      // What is left is read again by whoever has these slots next.
      if (isLeaving()) return
      const first = steps[i]
      if (first === undefined) break
      const { position } = first.recorded
      let next = i + 1
      while (steps[next]?.recorded.position === position) next += 1
      const one = next === i + 1 ? alone(first, position, failed) : apart(steps.slice(i, next), position)
      // Where it stops on this event everything before it is handled: who waits for that need not wait in vain.
      yield* Effect.tapError(one, (error) =>
        error instanceof EventFailed ? Effect.ignore(commit(Position.make(position - 1), Effect.void)) : Effect.void
      )
      i = next
    }
    if (!isLeaving()) yield* pass(through)
  })

  const page = (all: ReadonlyArray<Step>, through: Position.Position): Effect.Effect<void, HandleError<E>, R> => {
    // What was parked by a runner that died before its checkpoint moved comes again, and may have been tried meanwhile.
    const steps = all.filter(({ key, recorded: { id } }) => !parking.isSettled({ eventId: id, key }))
    if (steps.length === 0) return pass(through)
    const isPlain =
      processor.takes === "pages" &&
      steps.every(({ problem }) => problem === undefined) &&
      (parking.isEmpty() || !steps.some(({ key }) => parking.has(key)))
    if (!isPlain) return oneByOne(steps, through)
    // A page with a failing event is taken event by event, so that what comes before it is committed.
    const atOnce: Effect.Effect<void, HandleError<E>, R> = Effect.flatMap(processor.handle(steps), (writes) => {
      counts.handled(steps.filter(({ recorded }, i) => recorded !== steps[i - 1]?.recorded).length)
      return commit(through, writes, steps)
    })
    return Effect.catchIf(
      atOnce,
      (error): error is EventFailed<E> => error instanceof EventFailed,
      () => oneByOne(steps, through)
    )
  }

  const again = tryingAgain({ surroundings, fenced, fenceFor, handle, unready })

  const next = Effect.raceFirst(jobs.takeAll, Effect.as(left, undefined))

  const working = (look: Effect.Effect<void, HandleError<E>, R>, due: Effect.Effect<void, HandleError<E>, R>) =>
    Effect.gen(function* () {
      yield* look
      while (!isLeaving()) {
        const taken = yield* next
        if (taken === undefined) return
        for (const job of together(taken)) {
          if (isLeaving()) return
          if (job._tag === "Due") yield* due
          else if (job._tag === "CatchUp") yield* progress.catchUp
          else if (job._tag === "Again") yield* again(job.key)
          else if (processor.takes === "events") yield* page(job.steps, job.through)
          else yield* spans.page(processor, job.steps, page(job.steps, job.through))
          counts.flush()
          if (job._tag !== "Page" || job.steps.length > 0) yield* look
        }
      }
    })

  const { timers } = processor
  if (timers === undefined) return working(Effect.void, Effect.void)
  return Effect.flatMap(alarm(Queue.offer(jobs.queue, { _tag: "Due" })), ({ run, set }) => {
    /** Sets the alarm to what is due first; what belongs to a parked key waits with it. */
    const look = Effect.flatMap(timers.first(slots, atOnce, parking.has), ([first]) =>
      first === undefined ? Effect.void : set(first.due)
    )
    // With a timer its event is parked: who has that tried again has just this timer fired, who drops it is rid of both.
    const fire = (timer: Timer): Effect.Effect<void, HandleError<E>, R> =>
      fenceFor(timer.key, timers.fire(timer)).pipe(
        Effect.as<Effect.Effect<void, EventFailed<E> | EventStoreError>>(Effect.void),
        Effect.catchTag("EventFailed", ({ event: recorded, problem, undecoded }) => {
          const failed = new EventFailed<E>({ event: recorded, failure: undefined, problem, undecoded })
          return Effect.succeed(
            giveUp({ recorded, events: [], key: timer.key, problem }, { failed, attempts: 1 }, timer)
          )
        }),
        Effect.flatMap((writes) => fenced(slotOf(timer.key), Effect.andThen(writes, timers.remove(timer))))
      )
    const due = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      for (const timer of yield* timers.first(slots, atOnce, parking.has)) {
        if (timer.due > now || isLeaving()) return
        // One before it may have been parked just now.
        if (!parking.has(timer.key)) yield* fire(timer)
      }
    })
    return Effect.raceFirst(working(look, due), run)
  })
}

// So many of what is due are done between two pages.
const atOnce = 100
