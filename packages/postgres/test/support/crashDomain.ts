// crashDomain: what the processes of the crash test write and keep; the content of every event follows from its number.
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as EventId from "evolvent/EventId"
import * as Projection from "evolvent/Projection"
import * as StreamName from "evolvent/StreamName"

const streams = 40

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({
  decide: { Add: ({ by }) => [{ _tag: "Added", by }] },
  evolve: { Added: (total, { by }) => total + by }
})

/** Counts what is done twice or not at all: the sum tells one from the other. */
export const Totals = Projection.make("totals", {
  from: [Counter],
  row: Schema.Struct({ count: Schema.Int, sum: Schema.Int, last: Schema.Int }),
  initial: { count: 0, sum: 0, last: -1 }
})({
  evolve: { Added: ({ count, sum }, { by }, { revision }) => ({ count: count + 1, sum: sum + by, last: revision }) }
})

/** The id of an event by its number, the same in every process. */
export const idOf = (n: number): EventId.EventId => EventId.derive("crash", String(n), 0)

/** The stream of an event by its number. */
export const streamOf = (n: number): StreamName.StreamName => StreamName.make("Counter", String(n % streams))

/** The event of a number. */
export const eventOf = (n: number) => ({ id: idOf(n), type: "Added", data: { _tag: "Added", by: n } })
