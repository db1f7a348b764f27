// processorAgain: tries parked events again when somebody asks for it, key by key and in their order.
import * as Effect from "effect/Effect"
import * as EventFilter from "../EventFilter.ts"
import type { HandleError, Step } from "../Processor.ts"
import { entryOf, eventOf, inWords } from "./processorParking.ts"
import type { Entry } from "./processorParking.ts"
import type { Progress } from "./processorProgress.ts"
import type { Surroundings } from "./processorWorker.ts"
import { isGivenUp } from "./retryEvents.ts"
import type { GivenUp } from "./retryEvents.ts"
import { slotOf } from "./slots.ts"

/** What a worker tries again with. */
export interface Means<Name extends string, E, R> {
  readonly surroundings: Surroundings<Name, E, R>
  readonly fenced: Progress["fenced"]
  /** Lends the fence of a key's slot to what a process manager appends by itself. */
  readonly fenceFor: <A, X, R2>(key: string, effect: Effect.Effect<A, X, R2>) => Effect.Effect<A, X, R2>
  readonly handle: (step: Step) => ReturnType<Surroundings<Name, E, R>["processor"]["handle"]>
  /** What a step is given up for before it was tried. */
  readonly unready: (step: Step) => GivenUp<E>
}

/** Tries the parked events of a key again, in their order, up to the first that fails. */
export const tryingAgain = <Name extends string, E, R>({
  fenced,
  fenceFor,
  handle,
  surroundings,
  unready
}: Means<Name, E, R>): ((key: string) => Effect.Effect<void, HandleError<E>, R>) => {
  const { counts, isLeaving, parking, processor, retry, store } = surroundings

  /**
   * An event that could not be decoded was parked under its stream's id; now that it can be, it turns out to be of other keys.
   * Events are taken up under these; rows have gone on without it, so they have to be made anew.
   */
  const moves = (entry: Entry, steps: ReadonlyArray<Step>, slot: number) => {
    const keys = steps.map(({ key }) => key)
    if (processor.takes === "pages") {
      const rows = keys.map((key) => JSON.stringify(key)).join(", ")
      const cure = keys.includes(entry.key)
        ? "Processor.rebuild makes them right, and settles it"
        : "drop it, and make these rows anew by Processor.rebuildRows"
      const problem = `it belongs to ${rows}: ${cure}`
      return Effect.as(fenced(slot, parking.failedAgain({ ...entry, problem })), false)
    }
    const again = Effect.forEach(
      steps,
      (step) => Effect.andThen(parking.park(entryOf(step, entry.problem, entry.attempts)), parking.request(step.key)),
      { discard: true }
    )
    return Effect.as(fenced(slot, Effect.andThen(again, parking.handled(entry))), true)
  }

  return Effect.fnUntraced(function* (key: string): Effect.fn.Return<void, HandleError<E>, R> {
    const slot = slotOf(key)
    for (const entry of parking.entriesOf(key)) {
      if (isLeaving()) return
      // Somebody may have dropped it while those in front of it were tried.
      if (!parking.entriesOf(key).some(({ eventId }) => eventId === entry.eventId)) continue
      const event = yield* eventOf(store, entry)
      const steps = event === undefined ? [] : processor.prepare([event])
      const step = steps.find((one) => one.key === key)
      const failedWith = (problem: string, attempts: number) =>
        parking.failedAgain({
          ...entry,
          problem: inWords(problem),
          attempts: entry.attempts + attempts
        })
      if (event === undefined) {
        yield* fenced(slot, failedWith("it is not in its stream any more", 0))
        return
      }
      // The processor does not want it any more: there is nothing left to do.
      if (steps.length === 0 || !EventFilter.predicate(processor.filter)(event)) {
        yield* fenced(slot, parking.handled(entry))
        continue
      }
      const isElsewhere = entry.isUnprepared === true && steps.some((one) => one.key !== key)
      if (step === undefined || isElsewhere) {
        if (!(yield* moves(entry, steps, slot))) return
        continue
      }
      const { problem } = step
      const { timer } = entry
      const settles = (writes: Effect.Effect<void, HandleError<E>, R>) =>
        fenced(slot, Effect.andThen(writes, parking.handled(entry)))
      const attempt: Effect.Effect<void, HandleError<E>, R> = timer === undefined || processor.timers === undefined
        ? Effect.flatMap(handle(step), settles)
        : Effect.andThen(fenceFor(key, processor.timers.fire(timer)), settles(Effect.void))
      const done = problem === undefined ? yield* retry(attempt) : unready(step)
      if (!isGivenUp(done)) {
        counts.handled(1)
        continue
      }
      if (isLeaving()) return
      yield* fenced(slot, failedWith(done.failed.problem, done.attempts))
      return
    }
  })
}
