// A manager's runner that lost its lease writes down no outcome any more: on a server its transaction does not commit.
import * as PgClient from "@effect/sql-pg/PgClient"
import { expect, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as ProcessManager from "evolvent/ProcessManager"
import * as Processor from "evolvent/Processor"
import * as Postgres from "../src/Postgres.ts"

const Order = Aggregate.make("Order", {
  command: Schema.TaggedUnion({ Place: {} }),
  event: Schema.TaggedUnion({ Placed: {} }),
  state: Schema.Null,
  initial: null
})({ decide: { Place: () => [{ _tag: "Placed" }] }, evolve: { Placed: () => null } })

const Till = Aggregate.make("Till", {
  command: Schema.TaggedUnion({ Fill: {}, Take: {} }),
  event: Schema.TaggedUnion({ Filled: {}, Taken: {} }),
  state: Schema.Int,
  initial: 0
})({
  decide: {
    Fill: () => [{ _tag: "Filled" }],
    Take: (_, left) => (left > 0 ? [{ _tag: "Taken" }] : Result.fail("empty" as const))
  },
  evolve: { Filled: (left) => left + 1, Taken: (left) => left - 1 }
})

const Payment = ProcessManager.make("Payment", {
  observes: [Order, Till],
  correlate: ({ streamId }) => streamId,
  event: Schema.TaggedUnion({ Asked: {}, Refused: {}, Paid: {} }),
  state: Schema.Null,
  initial: null
})({
  decide: { Order: { Placed: () => [{ _tag: "Asked" }] }, Till: { Taken: () => [{ _tag: "Paid" }] } },
  evolve: { Asked: () => null, Refused: () => null, Paid: () => null },
  dispatch: {
    Asked: (_, __, { id }) => [Aggregate.command(Till, id, { _tag: "Take" }, { rejected: () => [{ _tag: "Refused" }] })]
  }
})

/** A server of its own, and the stores of a process on it. */
const stores = Layer.unwrap(
  Effect.map(EmbeddedPostgres.start(), ({ connection }) =>
    Postgres.layerFrom().pipe(Layer.provideMerge(PgClient.layer({ ...connection, maxConnections: 12 })))
  )
)

it.live(
  "a refusal that comes late is not written down beside what a successor has done",
  () =>
    Effect.gen(function* () {
      const [store, checkpoints] = [yield* EventStore, yield* CheckpointStore]
      const gate = yield* Latch.make()
      const [held, over] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const run = Processor.run(Processor.manager(Payment), { lease: "400 millis" })
      // Stands still right before it writes its refusal, and for so long that its lease is gone.
      const slow = run.pipe(
        Effect.provideService(EventStore, {
          ...store,
          append: (stream, events, options) =>
            events.some(({ type }) => type === "Refused")
              ? Deferred.succeed(held, undefined).pipe(
                  Effect.andThen(gate.await),
                  Effect.andThen(store.append(stream, events, options)),
                  Effect.tap(() => Deferred.succeed(over, undefined)),
                  // Who was faster makes it decide again: only then it is seen whether it may still write.
                  Effect.tapError((error) =>
                    error._tag === "WrongExpectedRevision" ? Effect.void : Deferred.succeed(over, undefined)
                  )
                )
              : store.append(stream, events, options)
        }),
        Effect.provideService(CheckpointStore, { ...checkpoints, renew: () => Effect.never })
      )
      yield* Effect.forkScoped(slow)
      yield* Aggregate.execute(Order, "7", { _tag: "Place" })
      yield* Deferred.await(held)
      yield* Aggregate.execute(Till, "7", { _tag: "Fill" })
      yield* Effect.forkScoped(run)
      const own = Effect.map(Stream.runCollect(store.read(EventFilter.category("Payment"))), (events) =>
        events.map(({ type }) => type)
      )
      const paid = Effect.repeat(Effect.andThen(Effect.sleep(5), own), { until: (types) => types.includes("Paid") })
      expect(yield* paid).toEqual(["Asked", "Paid"])
      yield* gate.open
      yield* Deferred.await(over)
      expect(yield* own).toEqual(["Asked", "Paid"])
      // What is read later shows nothing either: nothing was left open.
      yield* Processor.waitFor(Processor.manager(Payment), yield* store.head)
      expect(yield* own).toEqual(["Asked", "Paid"])
    }).pipe(Effect.scoped, Effect.provide(stores)),
  60_000
)
