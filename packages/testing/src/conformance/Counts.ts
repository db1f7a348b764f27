// Counts: a read model that says by which definition it was made, for the laws of rebuilding.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { EventStore } from "evolvent/EventStore"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import type * as Account from "./Account.ts"
import * as Check from "./Check.ts"

/** A row of each stream with the number of its events, `times` as many; the row says by which definition it was made. */
export const counts = (
  account: Account.Account,
  name: string,
  times: () => number,
  bad: ReadonlySet<number> = new Set()
) =>
  Projection.make(name, {
    from: [account],
    row: Schema.Struct({ count: Schema.Int, by: Schema.Int }),
    initial: { count: 0, by: 0 }
  })({
    evolve: {
      Deposited: ({ count }, { amount }) => {
        if (bad.has(amount)) throw new RangeError(`no ${amount}`)
        return { count: count + times(), by: times() }
      }
    }
  })

/** The type of these projections. */
export type Counts = ReturnType<typeof counts>

/** Deposits numbered from a number on, in turns to three streams. */
export const write = Effect.fnUntraced(function* (account: Account.Account, count: number, from = 1) {
  const store = yield* EventStore
  let last = yield* store.head
  for (let n = from; n < from + count; n++) {
    const stream = StreamName.make(account.name, String(n % 3))
    last = (yield* store.append(stream, [{ type: "Deposited", data: { amount: n } }])).position
  }
  return last
})

/** The key of each row, its number of events, and by what it was made. */
export const rowsOf = (projection: Counts) =>
  Effect.map(ReadModel.list(projection), ({ rows }) => rows.map(({ key, row }) => [key, row.count, row.by] as const))

/** The rows are those that a definition gives. */
export const equalsFold = Effect.fnUntraced(function* (did: string, projection: Counts) {
  const store = yield* EventStore
  const fold = yield* Projection.fold(projection, store.read(projection.filter))
  const expected = [...fold]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { by, count }]) => [key, count, by] as const)
  yield* Check.equal(`${did}: the rows, against Projection.fold`, yield* rowsOf(projection), expected)
})

/** Progress as often as a test can wait. */
export const often = { every: "10 millis" } as const
