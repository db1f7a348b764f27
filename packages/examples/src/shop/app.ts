// The shop as a program: its processors, and how a request becomes a command or a question. What it runs on comes from outside.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Aggregate from "evolvent/Aggregate"
import * as Metadata from "evolvent/Metadata"
import * as Metrics from "evolvent/Metrics"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import type { Target } from "evolvent/Processor"
import * as Revision from "evolvent/Revision"
import type { CommandHeaders, Done, QueryHeaders } from "./api.ts"
import { Checkout, Order, Request, Transfer } from "./domain.ts"
import * as Problems from "./problems.ts"
import { Accounts, Orders, Transfers } from "./projections.ts"

/** Tells others, over the bus, what became of orders and transfers. */
const Relay = Processor.relay("shop-to-bus", {
  from: [Order, Request],
  only: ["Completed", "Cancelled", "Asked", "Answered"]
})

/** Everything that follows the log. */
export const targets: ReadonlyArray<Target> = [
  Accounts,
  Orders,
  Transfers,
  Processor.manager(Checkout),
  Processor.manager(Transfer),
  Relay
]

// Of two instances each has its share of this, and the other's soon after that is gone.
const shared = { lease: "3 seconds", partitions: 2 } as const

/** Keeps the read models, runs the processes and tells the bus, together with all other instances. */
export const Processors = Layer.mergeAll(
  Processor.layer(Processor.projection(Accounts), shared),
  Processor.layer(Processor.projection(Orders), shared),
  Processor.layer(Processor.projection(Transfers), shared),
  Processor.layer(Processor.manager(Checkout), shared),
  Processor.layer(Processor.manager(Transfer), shared),
  Processor.layer(Relay, shared),
  Metrics.layerProcessors(targets, { every: "5 seconds" })
)

/** The options of a command, from what was said with it. */
export const asked = (headers: CommandHeaders): Aggregate.ExecuteOptions => {
  const { "idempotency-key": commandId, "x-expected-revision": expected } = headers
  return {
    ...(commandId === undefined ? {} : { commandId }),
    ...(expected === undefined ? {} : { expected: Revision.make(expected) })
  }
}

/** Runs a command on behalf of whoever asked, and says what came of it. */
export const told = <Event extends { readonly _tag: string }, E extends Problems.Refusal, R>(
  id: string,
  headers: CommandHeaders,
  command: Effect.Effect<Aggregate.Executed<Event>, E, R>
) => {
  const { "x-actor": actor, "x-correlation-id": correlationId } = headers
  return command.pipe(
    Metadata.provide({
      ...(actor === undefined ? {} : { actor }),
      ...(correlationId === undefined ? {} : { correlationId })
    }),
    Effect.map(({ events, position, repeated, revision }): Done => ({
      id,
      events: events.map(({ _tag }) => _tag),
      revision: revision ?? null,
      position: position ?? null,
      repeated
    })),
    Effect.catch(Problems.ofCommand)
  )
}

/** Answers a question when the read model has come to the position that was handed over with it. */
export const seeing = <A, E extends Problems.Failure, R>(
  target: Target,
  { "x-position": position }: QueryHeaders,
  question: Effect.Effect<A, E, R>
) => {
  const wait =
    position === undefined
      ? Effect.void
      : // What was parked will not come: the answer is what is known without it.
        Processor.waitFor(target, Position.make(position), { timeout: "2 seconds" }).pipe(
          Effect.catchTag("EventParked", () => Effect.void)
        )
  return Effect.andThen(wait, question).pipe(Effect.catch(Problems.ofQuestion))
}
