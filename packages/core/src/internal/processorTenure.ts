// A tenure: a runner works on the slots that it holds, from where their checkpoints stand, until it is to give some away.
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Lease } from "../CheckpointStore.ts"
import { because, CheckpointAheadOfStore } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { HandleError } from "../Processor.ts"
import { feed } from "./processorFeed.ts"
import type { Fed } from "./processorFeed.ts"
import { make as makeJobs, pagesAhead } from "./processorJobs.ts"
import type { Job } from "./processorJobs.ts"
import { work } from "./processorWorker.ts"
import type { Surroundings } from "./processorWorker.ts"
import { requestedBy } from "./parkedNews.ts"
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
  /** How often to look for what other processes want of the parked events. */
  readonly lookEvery: Duration.Duration
  /** Whether the leases may have run out meanwhile: then nothing more is begun before they were looked at. */
  readonly isStale: () => boolean
  /** Is done when the runner is to give slots away, or may have more. */
  readonly leave: Deferred.Deferred<void>
}

/** Works until told to leave; what was begun is brought to an end. */
export const serve = Effect.fnUntraced(function* <Name extends string, E, R>(
  tenure: Tenure<Name, E, R>
): Effect.fn.Return<void, HandleError<E>, R | Scope.Scope> {
  const { checkpoints, leases, leave, lookEvery, parking, partitions, processor, store } = tenure
  if (processor.admit !== undefined) yield* processor.admit
  const held = [...leases.keys()]
  const stored = yield* checkpoints.loadAll(held.map((slot) => nameOf(processor.checkpoint, slot)))
  const start = new Map(held.map((slot, i) => [slot, stored[i]?.position ?? Position.beginning]))
  const head = yield* store.head
  // Listen first, then read. After the leases were taken: what others parked before is there.
  const parkedHere = yield* parking.listen
  yield* parking.load

  const byPartition = new Map<number, Array<number>>()
  for (const slot of held) {
    const some = byPartition.get(slot % partitions)
    if (some === undefined) byPartition.set(slot % partitions, [slot])
    else some.push(slot)
  }
  const workers: Array<Fed> = []
  // Who waits for no store between two events has nothing to gain from pages that lie about.
  const ahead = processor.commits === "now and then" ? 1 : pagesAhead
  for (const slots of byPartition.values()) workers.push({ slots, jobs: yield* makeJobs(ahead) })
  const workerOf = new Map(workers.flatMap((worker) => worker.slots.map((slot) => [slot, worker] as const)))

  const first = Math.min(...start.values())
  const last = Math.max(...start.values())
  // Of the foremost slot the subscription knows nothing, where it begins behind it.
  if (last > head) {
    return yield* because("Processor.run", new CheckpointAheadOfStore({ after: Position.make(last), head }))
  }
  // One worker for all slots, which stand at one position: then there is nothing to divide.
  const isWhole = workers.length === 1 && held.length === count && [...start.values()].every((at) => at === first)

  const scope = yield* Effect.scope
  // Who is held up does not hold up what is asked of others.
  const offer = ({ jobs }: Fed, job: Job) =>
    Effect.forkIn(Queue.offer(jobs.queue, job), scope, { startImmediately: true })
  const asked = (keys: ReadonlyArray<string>) =>
    Effect.forEach(
      keys,
      (key) => {
        const worker = workerOf.get(slotOf(key))
        return worker === undefined ? Effect.void : offer(worker, { _tag: "Again", key })
      },
      { discard: true }
    )
  // What somebody wants to be tried again, now and later: other processes are asked now and then, and not for each append.
  const requests = Effect.gen(function* () {
    yield* asked(parking.requested())
    while (true) {
      yield* Effect.timeoutOption(parkedHere, lookEvery)
      const events = yield* Effect.catchIf(
        parking.news,
        ({ isRetryable }) => isRetryable,
        () => Effect.succeed([])
      )
      // Once for each time that somebody asks, however long those take that were asked for before.
      const keys = requestedBy(events)
      yield* asked(parking.requested().filter((key) => keys.has(key)))
      // Who was given up no longer keeps back what its key has to do at a time.
      if (events.some(({ type }) => type === "Dropped")) {
        yield* Effect.forEach(workers, (worker) => offer(worker, { _tag: "Due" }), { discard: true })
      }
    }
  })

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
    retry: retryEvents.make(tenure.schedule, leaves, tenure.counts.triedAgain)
  }
  // Where one worker fails the others finish what they have begun.
  const ends: ReadonlyArray<Effect.Effect<Exit.Exit<void, HandleError<E>>, never, R>> = workers.map(({ jobs, slots }) =>
    Effect.exit(Effect.onError(work(surroundings, slots, jobs, left), () => Deferred.succeed(leave, undefined)))
  )
  const feeding = Effect.all(
    [feed(store, processor, workers, Position.make(first), isWhole ? undefined : start), requests],
    {
      concurrency: 2
    }
  ).pipe(Effect.andThen(Effect.never))
  const exits = yield* Effect.raceFirst(Effect.all(ends, { concurrency: "unbounded" }), feeding)
  for (const exit of exits) if (Exit.isFailure(exit)) return yield* exit
})
