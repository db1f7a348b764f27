// Stores that are some way off, as servers are: the demo's are in memory, too fast for anyone to see what happens there.
import { Effect, Layer } from "effect"
import { CheckpointStore, EventStore, EventStoreError } from "evolvent"
import { green, tell, yellow } from "./print.ts"

/** Puts a delay before every append to the event store beneath, and prints how it went, for actors who gave a name. */
export const eventStore = Layer.effect(
  EventStore.EventStore,
  Effect.map(EventStore.EventStore, (store) => ({
    ...store,
    append: Effect.fnUntraced(function* (...[stream, events, options]: Parameters<typeof store.append>) {
      const [first] = events
      const actor = first?.metadata?.actor
      const what = events.map(({ type }) => type).join(", ")
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
