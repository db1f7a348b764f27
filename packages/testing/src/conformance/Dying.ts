// Dying: stores that a process sees until it dies at one of its writes, right before it or right after.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import { ReadModelStore } from "evolvent/ReadModelStore"

/** A write: the types of the events that are appended, a commit, or rows. */
export type Write =
  | { readonly _tag: "Append"; readonly types: ReadonlyArray<string> }
  | { readonly _tag: "Commit" }
  | { readonly _tag: "Rows"; readonly removes: boolean }

/** At which write a process dies, and whether that is still carried out. */
export interface Death {
  readonly at: (write: Write) => boolean
  readonly when: "before" | "after"
}

/** The first of something that is true for the n-th time it is asked. */
export const nth = (n: number) => {
  let asked = 0
  return () => ++asked === n
}

/** Runs something on the stores of a process that is going to die; it hangs from then on, and is to be killed. */
export const on = Effect.fnUntraced(function* ({ at, when }: Death) {
  const [store, checkpoints, readModels] = [yield* EventStore, yield* CheckpointStore, yield* ReadModelStore]
  const died = yield* Deferred.make<void>()
  let isDead = false
  const mortal = <A, E, R>(write: Write, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      if (isDead) return Effect.never
      if (!at(write)) return effect
      // A write may be made of others: these are still carried out.
      const end = Effect.suspend(() => {
        isDead = true
        return Effect.andThen(Deferred.succeed(died, undefined), Effect.never)
      })
      return when === "before" ? end : Effect.andThen(effect, end)
    })
  const inside = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(EventStore, {
        ...store,
        append: (stream, events, options) =>
          mortal({ _tag: "Append", types: events.map(({ type }) => type) }, store.append(stream, events, options))
      }),
      Effect.provideService(CheckpointStore, {
        ...checkpoints,
        transact: (moves, writes) => mortal({ _tag: "Commit" }, checkpoints.transact(moves, writes))
      }),
      Effect.provideService(ReadModelStore, {
        ...readModels,
        apply: (table, rows) =>
          mortal({ _tag: "Rows", removes: rows.some(({ row }) => row === undefined) }, readModels.apply(table, rows))
      })
    )
  return { inside, died: Deferred.await(died) }
})
