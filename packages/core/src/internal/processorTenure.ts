// A tenure: a runner works on the slots that it holds, from where their checkpoints stand, until it is to give some away.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Lease } from "../CheckpointStore.ts"
import * as EventFilter from "../EventFilter.ts"
import { because, CheckpointAheadOfStore } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { HandleError, Step } from "../Processor.ts"
import type { Job } from "./processorJobs.ts"
import { work } from "./processorWorker.ts"
import type { Surroundings } from "./processorWorker.ts"
import * as retryEvents from "./retryEvents.ts"
import { count, nameOf, slotOf } from "./slots.ts"

/** What a tenure is about: the leases held, and into how many partitions the slots are divided. */
export interface Tenure<Name extends string, E, R> extends Omit<
  Surroundings<Name, E, R>,
  "positions" | "isLeaving" | "leases" | "retry"
> {
  readonly schedule: Schedule.Schedule<unknown, E>
  readonly leases: ReadonlyMap<number, Lease>
  readonly partitions: number
  /** Whether the leases may have run out meanwhile: then nothing more is begun before they were looked at. */
  readonly isStale: () => boolean
  /** Is done when the runner is to give slots away, or may have more. */
  readonly leave: Deferred.Deferred<void>
}

// As many pages wait for a worker: enough to keep a store and its reader busy, and little enough to hold in memory.
const pagesAhead = 4

interface Worker {
  readonly slots: ReadonlyArray<number>
  readonly jobs: Queue.Queue<Job>
}

/** Works until told to leave; what was begun is brought to an end. */
export const serve = Effect.fnUntraced(function* <Name extends string, E, R>(
  tenure: Tenure<Name, E, R>
): Effect.fn.Return<void, HandleError<E>, R> {
  const { checkpoints, leases, leave, parking, partitions, processor, store } = tenure
  if (processor.admit !== undefined) yield* processor.admit
  const held = [...leases.keys()]
  const stored = yield* checkpoints.loadAll(held.map((slot) => nameOf(processor.checkpoint, slot)))
  const start = new Map(held.map((slot, i) => [slot, stored[i]?.position ?? Position.beginning]))
  // After the leases were taken: what others parked before is there.
  const head = yield* store.head
  yield* parking.load

  const byPartition = new Map<number, Array<number>>()
  for (const slot of held) {
    const some = byPartition.get(slot % partitions)
    if (some === undefined) byPartition.set(slot % partitions, [slot])
    else some.push(slot)
  }
  const workers: Array<Worker> = []
  for (const slots of byPartition.values()) workers.push({ slots, jobs: yield* Queue.bounded<Job>(pagesAhead) })
  const workerOf = new Map(workers.flatMap((worker) => worker.slots.map((slot) => [slot, worker] as const)))

  const first = Math.min(...start.values())
  const last = Math.max(...start.values())
  // Of the foremost slot the subscription knows nothing, where it begins behind it.
  if (last > head) {
    return yield* because("Processor.run", new CheckpointAheadOfStore({ after: Position.make(last), head }))
  }
  // One worker for all slots, which stand at one position: then there is nothing to divide.
  const isWhole = workers.length === 1 && held.length === count && [...start.values()].every((at) => at === first)

  /** The steps of each worker: of its slots, and not handled before. */
  const divide = (steps: ReadonlyArray<Step>): ReadonlyMap<Worker, ReadonlyArray<Step>> => {
    const [only] = workers
    if (only !== undefined && isWhole) return new Map([[only, steps]])
    const divided = new Map<Worker, Array<Step>>(workers.map((worker) => [worker, []]))
    for (const step of steps) {
      const slot = slotOf(step.key)
      const worker = workerOf.get(slot)
      if (worker === undefined || step.recorded.position <= (start.get(slot) ?? 0)) continue
      divided.get(worker)?.push(step)
    }
    return divided
  }

  const feed = store.subscribe(processor.filter, { after: Position.make(first) }).pipe(
    Stream.runForEachArray((pages) =>
      Effect.forEach(
        pages,
        ({ events, through }) => {
          const divided = divide(processor.prepare(events))
          return Effect.forEach(
            workers,
            (worker) => Queue.offer(worker.jobs, { _tag: "Page", steps: divided.get(worker) ?? [], through }),
            { discard: true }
          )
        },
        { discard: true }
      )
    )
  )

  const asked = Effect.suspend(() =>
    Effect.forEach(
      parking.requested(),
      (key) => {
        const worker = workerOf.get(slotOf(key))
        return worker === undefined ? Effect.void : Queue.offer(worker.jobs, { _tag: "Again", key })
      },
      { discard: true }
    )
  )
  // What somebody wants to be tried again, now and later.
  const requests = Effect.andThen(
    asked,
    store.subscribe(EventFilter.stream(parking.stream), { after: head }).pipe(
      Stream.runForEach(({ events }) => {
        parking.absorb(events)
        // Who was given up no longer keeps back what its key has to do at a time.
        const freed = events.some(({ type }) => type === "Dropped")
          ? Effect.forEach(workers, ({ jobs }) => Queue.offer(jobs, { _tag: "Due" }), { discard: true })
          : Effect.void
        return events.some(({ type }) => type === "RetryRequested") ? Effect.andThen(asked, freed) : freed
      })
    )
  )

  // Once it leaves it leaves, whatever comes back meanwhile: what it has passed over must not be committed.
  let isLeaving = false
  const left = Deferred.await(leave)
  const leaves = () => {
    if (isLeaving) return true
    isLeaving = Deferred.isDoneUnsafe(leave) || tenure.isStale()
    if (isLeaving) Deferred.doneUnsafe(leave, Effect.void)
    return isLeaving
  }
  const surroundings: Surroundings<Name, E, R> = {
    ...tenure,
    positions: start,
    isLeaving: leaves,
    retry: retryEvents.make(tenure.schedule, leaves)
  }
  // Where one worker fails the others finish what they have begun.
  const ends: ReadonlyArray<Effect.Effect<Exit.Exit<void, HandleError<E>>, never, R>> = workers.map(({ jobs, slots }) =>
    Effect.exit(Effect.onError(work(surroundings, slots, jobs, left), () => Deferred.succeed(leave, undefined)))
  )
  const feeding = Effect.andThen(Effect.all([feed, requests], { concurrency: 2, discard: true }), Effect.never)
  const exits = yield* Effect.raceFirst(Effect.all(ends, { concurrency: "unbounded" }), feeding)
  for (const exit of exits) if (Exit.isFailure(exit)) return yield* exit
})
