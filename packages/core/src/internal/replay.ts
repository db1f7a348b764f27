// replay: hands stored events to a processor's handler once more, beside its own work.
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "../CheckpointStore.ts"
import type { CheckpointMoved, LeaseLost } from "../CheckpointStoreError.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { From } from "../EventStore.ts"
import * as Position from "../Position.ts"
import type { HandleError, OnUndecodable, Processor, Step } from "../Processor.ts"
import type { StreamName } from "../StreamName.ts"
import { EventFailed } from "./processorErrors.ts"
import * as retryEvents from "./retryEvents.ts"

/** Which events to hand over again. */
export interface ReplayOptions<E> {
  /** From a position or a time on; from the beginning unless given. */
  readonly from?: Extract<From, { readonly position: Position.Position }> | Extract<From, { readonly revision?: never }>
  /** Up to a position, included; up to what is stored now unless given. */
  readonly until?: Position.Position
  /** Only those of one stream. */
  readonly stream?: StreamName
  /** Only those of one key. */
  readonly key?: string
  /**
   * A name under which it is remembered how far this replay came: called again with it, it goes on from there. Without one
   * it begins anew each time.
   */
  readonly name?: string
  /** When an event that failed is tried again; not at all unless given. */
  readonly retry?: Schedule.Schedule<unknown, E>
  /** What becomes of an event that cannot be decoded: "stop" unless given, which ends the replay. */
  readonly onUndecodable?: Exclude<OnUndecodable, "park">
}

/** How far a replay is: how many events it handed over, and the position that it has reached. */
export interface ReplayProgress {
  readonly events: number
  readonly position: Position.Position
  readonly until: Position.Position
}

/** How a replay can fail: as handling an event can, or because another one of the same name moved on meanwhile. */
export type ReplayError<E> = HandleError<E> | CheckpointMoved | LeaseLost

// So many events between two words about how far it is.
const pageSize = 256

/** Replays events for a processor and says how far it is. */
export const replay = <Name extends string, E, R>(
  processor: Processor<Name, E, R>,
  options: ReplayOptions<NoInfer<E>> = {}
): Stream.Stream<ReplayProgress, ReplayError<E>, R | EventStore | CheckpointStore> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const [store, checkpoints] = [yield* EventStore, yield* CheckpointStore]
      const until = options.until ?? (yield* store.head)
      const name = `replay/${processor.checkpoint}/${options.name ?? (yield* EventId.generate)}`
      let at = (yield* checkpoints.load(name)).position
      let events = 0
      const filter = options.stream === undefined ? processor.filter : EventFilter.stream(options.stream)
      const wanted = EventFilter.predicate(processor.filter)
      const from = at > Position.beginning ? { position: Position.make(at + 1) } : options.from
      const retry = options.retry === undefined ? undefined : retryEvents.make<E>(options.retry)

      const commit = <X, R2>(to: Position.Position, writes: Effect.Effect<void, X, R2>) =>
        Effect.map(checkpoints.transact({ name, from: at, to }, writes), () => {
          at = to
        })

      const one = (step: Step) => {
        const { problem, recorded, undecoded } = step
        if (undecoded === "UndecodableEvent" && options.onUndecodable === "skip") {
          return commit(recorded.position, Effect.void)
        }
        if (problem !== undefined) {
          return Effect.fail(new EventFailed<E>({ event: recorded, failure: undefined, problem, undecoded }))
        }
        const handled = Effect.flatMap(processor.handle([step]), (writes) => commit(recorded.position, writes))
        if (retry === undefined) return handled
        return Effect.flatMap(retry(handled), (done) => (done !== undefined ? Effect.fail(done.failed) : Effect.void))
      }

      const page = (some: ReadonlyArray<Recorded>) =>
        Effect.gen(function* () {
          for (const event of some) {
            const steps = wanted(event) ? processor.prepare([event]) : []
            for (const step of steps) if (options.key === undefined || step.key === options.key) yield* one(step)
            events += 1
          }
          return { events, position: at, until }
        })

      return store.read(filter, from === undefined ? {} : { from }).pipe(
        Stream.takeWhile(({ position }) => position <= until),
        Stream.rechunk(pageSize),
        Stream.mapArrayEffect((some) => Effect.map(page(some), (progress) => [progress] as const))
      )
    })
  )
