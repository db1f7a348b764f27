// Aged: an aggregate whose events have a past, and streams as years left them, for the laws of old versions.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import type { EventData } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import * as Projection from "evolvent/Projection"
import * as StreamName from "evolvent/StreamName"
import * as Upcaster from "evolvent/Upcaster"
import * as Fresh from "./Fresh.ts"

const event = Schema.TaggedUnion({
  Opened: { owner: Schema.String, limit: Schema.Int },
  Added: { amount: Schema.Int },
  Closed: { by: Schema.String }
})
const upcast = Upcaster.make(event)(
  {
    Opened: (opened) =>
      opened
        .from({ name: Schema.String })
        .to({ owner: Schema.String }, ({ name }) => ({ owner: name }))
        .toCurrent(({ owner }) => ({ owner, limit: 100 })),
    Added: (added) => added.from({ tens: Schema.Int }, "TensAdded").toCurrent(({ tens }) => ({ amount: 10 * tens }))
  },
  {
    Settled: (settled) =>
      settled.from({ amount: Schema.Int, by: Schema.String }).toCurrent(({ amount, by }) => [
        { _tag: "Added", amount },
        { _tag: "Added", amount: -1 },
        { _tag: "Closed", by }
      ]),
    Noted: (noted) => noted.from({ note: Schema.String }).toCurrent(() => [])
  }
)

/** An account whose state is its history in words: each event leaves a mark. */
export const named = (name: string) =>
  Aggregate.make(name, {
    command: Schema.TaggedUnion({ Add: { amount: Schema.Int } }),
    event,
    state: Schema.Struct({ balance: Schema.Int, trail: Schema.String }),
    initial: { balance: 0, trail: "" },
    upcast
  })({
    decide: { Add: ({ amount }) => [{ _tag: "Added", amount }] },
    evolve: {
      Opened: ({ balance, trail }, { limit, owner }) => ({ balance, trail: `${trail} ${owner}:${limit}` }),
      Added: ({ balance, trail }, { amount }) => ({ balance: balance + amount, trail: `${trail} ${amount}` }),
      Closed: ({ balance, trail }, { by }) => ({ balance, trail: `${trail} by ${by}` })
    }
  })

/** The type of these aggregates. */
export type Aged = ReturnType<typeof named>

/** Such an aggregate under a new name. */
export const make: Effect.Effect<Aged> = Effect.map(Fresh.name("Aged"), named)

/** Events of every version that ever was, in one stream. */
export const aged: ReadonlyArray<EventData> = [
  { type: "Opened", schemaVersion: 1, data: { name: "ada" } },
  { type: "TensAdded", schemaVersion: 1, data: { tens: 3 } },
  { type: "Opened", schemaVersion: 2, data: { owner: "bob" } },
  { type: "Noted", schemaVersion: 1, data: { note: "nothing" } },
  { type: "Settled", schemaVersion: 1, data: { amount: 7, by: "eve" } },
  { type: "Opened", schemaVersion: 3, data: { owner: "kim", limit: 5 } },
  { type: "Added", schemaVersion: 2, data: { amount: 4 } }
]

/** The same, as they would be stored today. */
export const today: ReadonlyArray<EventData> = [
  { type: "Opened", schemaVersion: 3, data: { owner: "ada", limit: 100 } },
  { type: "Added", schemaVersion: 2, data: { amount: 30 } },
  { type: "Opened", schemaVersion: 3, data: { owner: "bob", limit: 100 } },
  { type: "Added", schemaVersion: 2, data: { amount: 7 } },
  { type: "Added", schemaVersion: 2, data: { amount: -1 } },
  { type: "Closed", schemaVersion: 1, data: { by: "eve" } },
  { type: "Opened", schemaVersion: 3, data: { owner: "kim", limit: 5 } },
  { type: "Added", schemaVersion: 2, data: { amount: 4 } }
]

/** An event that newer code wrote: it looks like today's, and must not be taken for it. */
export const newer: EventData = { type: "Added", schemaVersion: 3, data: { amount: 1000 } }

/** An event that never was: version 1 of this type had another name. */
export const broken: EventData = { type: "Added", schemaVersion: 1, data: { amount: 1000 } }

/** Appends events to a stream of an aggregate. */
export const write = (aggregate: Aged, id: string, events: ReadonlyArray<EventData>) =>
  EventStore.use((store) => store.append(StreamName.make(aggregate.name, id), events))

/** What was added to each account and by how many events, and to all of them. */
export const sums = (aggregate: Aged, name: string) =>
  Projection.make(name, {
    from: [aggregate],
    row: Schema.Struct({ sum: Schema.Int, trail: Schema.String }),
    initial: { sum: 0, trail: "" },
    key: ({ data, streamId }) => (data._tag === "Added" ? [`account ${streamId}`, "all"] : "others")
  })({ evolve: { Added: ({ sum, trail }, { amount }) => ({ sum: sum + amount, trail: `${trail} ${amount}` }) } })
