// Accounts: an aggregate and read models of it, for the tests of inline projections.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { InlineProjections } from "../../src/InlineProjections.ts"
import type { Open, Store } from "./AppendStore.ts"

const command = Schema.TaggedUnion({
  Open: { owner: Schema.String },
  Deposit: { amount: Schema.Int },
  Close: {},
  Burst: { amounts: Schema.Array(Schema.Int) }
})
const event = Schema.TaggedUnion({
  Opened: { owner: Schema.String },
  Deposited: { amount: Schema.Int },
  Closed: {}
})

/** Accounts of a category, which may be opened and closed any number of times. */
export const accounts = (name: string) =>
  Aggregate.make(name, { command, event, state: Schema.Boolean, initial: false })({
    decide: {
      Open: ({ owner }, isOpen) => (isOpen ? Result.fail("open" as const) : [{ _tag: "Opened", owner }]),
      Deposit: ({ amount }, isOpen) => (isOpen ? [{ _tag: "Deposited", amount }] : Result.fail("closed" as const)),
      Close: (_, isOpen) => (isOpen ? [{ _tag: "Closed" }] : Result.fail("closed" as const)),
      Burst: ({ amounts }) => [
        { _tag: "Opened", owner: "burst" },
        ...amounts.map((amount) => ({ _tag: "Deposited", amount }) as const)
      ]
    },
    evolve: { Opened: () => true, Deposited: () => true, Closed: () => false }
  })

/** The type of these aggregates. */
export type Accounts = ReturnType<typeof accounts>

const Row = Schema.Struct({ owner: Schema.String, balance: Schema.Int, count: Schema.Int })

/** The commands that most tests use. */
export const openIt = (owner = "ada") => ({ _tag: "Open", owner }) as const
export const deposit = (amount: number) => ({ _tag: "Deposit", amount }) as const

/** The events that most tests append by themselves. */
export const opened = (owner: string) => [{ type: "Opened", data: { owner } }]
export const deposited = (amount: number) => [{ type: "Deposited", data: { amount } }]

/** A deposit that the handlers of {@link balances} throw at. */
export const poison = 13

/** A row for each open account; a closed one goes. */
export const balances = (Account: Accounts, options: { readonly name?: string; readonly version?: number } = {}) =>
  Projection.make(options.name ?? "balances", {
    from: [Account],
    row: Row,
    indexes: ["balance"],
    version: options.version ?? 1
  })({
    create: { Opened: ({ owner }) => ({ owner, balance: 0, count: 1 }) },
    evolve: {
      Deposited: (row, { amount }) => {
        if (amount === poison) throw new Error("no deposit of 13")
        return { ...row, balance: row.balance + amount, count: row.count + 1 }
      },
      Closed: () => Projection.remove
    }
  })

/** The type of these projections. */
export type Balances = ReturnType<typeof balances>

/** A row for each account that there ever was, with how many events it has and the place of the last. */
export const histories = (Account: Accounts, name = "histories") => {
  const Place = Schema.Struct({
    events: Schema.Int,
    revision: Schema.Int,
    position: Schema.Int,
    at: Schema.DateTimeUtc
  })
  type Place = typeof Place.Type
  const next = (
    row: Place | undefined,
    recorded: { readonly revision: number; readonly position: number; readonly recordedAt: Place["at"] }
  ) => ({
    events: (row?.events ?? 0) + 1,
    revision: recorded.revision,
    position: recorded.position,
    at: recorded.recordedAt
  })
  return Projection.make(name, { from: [Account], row: Place })({
    create: { Opened: (_, recorded) => next(undefined, recorded) },
    evolve: {
      Opened: (row, _, recorded) => next(row, recorded),
      Deposited: (row, _, recorded) => next(row, recorded),
      Closed: (row, _, recorded) => next(row, recorded)
    }
  })
}

/** Has the store's appends keep a projection, as its layer does. */
export const register = <Name extends string, Row, Index extends string>(
  definition: Projection.Projection<Name, Row, Index>
) => InlineProjections.use((inline) => inline.register(definition))

/** Processes on one schema: each with a pool, groups and a registry of its own. */
export const processes = async (open: Open): Promise<readonly [Store, Store, Store]> => {
  const first = await open({ maxConnections: 6 })
  const more = () => open({ schema: first.schema, maxConnections: 6 })
  return [first, await more(), await more()]
}

/** How a read model differs from the fold of the log: both as text, row by row. */
export const compare = <Name extends string, Row, Index extends string>(
  projection: Projection.Projection<Name, Row, Index>
) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const folded = yield* Projection.fold(projection, store.read(projection.filter))
    const kept = new Map<string, Row>()
    let after: ReadModel.Cursor | undefined
    do {
      const page = yield* ReadModel.list(projection, { limit: 1000, after })
      for (const { key, row } of page.rows) kept.set(key, row)
      after = page.next
    } while (after !== undefined)
    const show = (rows: ReadonlyMap<string, Row>) =>
      [...rows].map(([key, row]) => `${key}: ${JSON.stringify(row)}`).toSorted()
    return { kept: show(kept), folded: show(folded) }
  })

/** How many events there are in a category. */
export const stored = (category: string) =>
  EventStore.use((store) => Effect.map(Effect.orDie(collect(store, category)), (events) => events.length))

const collect = (store: EventStore["Service"], category: string) => {
  const all: Array<string> = []
  return Effect.as(
    Stream.runForEach(store.read(EventFilter.category(category)), ({ id }) => Effect.sync(() => void all.push(id))),
    all
  )
}
