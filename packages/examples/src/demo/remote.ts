// Stores that are some way off, as servers in production are: those of the demo are too near for anyone to see what happens.
import { Context, Deferred, Effect, Layer } from "effect"
import { CheckpointStore, EventStore, EventStoreError } from "evolvent"
import { green, tell, yellow } from "./print.ts"

/** What an append waits for, and what it says when it is over. */
const Turn = Context.Reference("evolvent/demo/Turn", {
  defaultValue: () => ({ before: Effect.void as Effect.Effect<unknown>, after: Effect.void as Effect.Effect<unknown> })
})

/** Two who act in the same moment: both have decided before the first one writes, and the second writes after it. */
export const atOnce = <E1, R1, E2, R2>(
  first: Effect.Effect<unknown, E1, R1>,
  second: Effect.Effect<unknown, E2, R2>
): Effect.Effect<void, E1 | E2, R1 | R2> =>
  Effect.gen(function* () {
    const [decided, written] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const [isDecided, isWritten] = [Deferred.succeed(decided, undefined), Deferred.succeed(written, undefined)]
    const both = [
      first.pipe(
        Effect.provideService(Turn, { before: Deferred.await(decided), after: isWritten }),
        Effect.ensuring(isWritten)
      ),
      second.pipe(
        Effect.provideService(Turn, { before: Effect.andThen(isDecided, Deferred.await(written)), after: Effect.void }),
        Effect.ensuring(isDecided)
      )
    ]
    yield* Effect.all(both, { concurrency: "unbounded", discard: true })
  })

/** Puts a delay before every append to the event store beneath, and prints how it went, for actors who gave a name. */
export const eventStore = Layer.effect(
  EventStore.EventStore,
  Effect.map(EventStore.EventStore, (store) => ({
    ...store,
    append: Effect.fnUntraced(function* (...[stream, events, options]: Parameters<typeof store.append>) {
      const [first] = events
      const actor = first?.metadata?.actor
      const what = events.map(({ type }) => type).join(", ")
      const { after, before } = yield* Turn
      yield* before
      yield* Effect.sleep("15 millis")
      const result = yield* Effect.result(store.append(stream, events, options))
      if (actor !== undefined && result._tag === "Success") {
        yield* tell(
          actor,
          `${what.padEnd(11)}${green("written")}    ${stream} is at revision ${result.success.revision}`
        )
      }
      if (actor !== undefined && result._tag === "Failure" && isConflict(result.failure)) {
        const { actual, expected } = result.failure
        const found = `decided at revision ${expected}, but ${stream} is at ${actual}: deciding again`
        yield* tell(actor, `${what.padEnd(11)}${yellow("conflict")}   ${found}`)
      }
      yield* after
      return yield* Effect.fromResult(result)
    })
  }))
)

/** Puts a delay before every commit to the checkpoint store beneath. */
export const checkpointStore = Layer.effect(
  CheckpointStore.CheckpointStore,
  Effect.map(CheckpointStore.CheckpointStore, (store) => ({
    ...store,
    transact: (move, writes) => Effect.delay(store.transact(move, writes), "40 millis")
  }))
)

const isConflict = (error: { readonly _tag: string }): error is EventStoreError.WrongExpectedRevision =>
  error instanceof EventStoreError.WrongExpectedRevision
