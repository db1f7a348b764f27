// domain: counters, and a projection of them whose rows say by which definition they were begun.
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Projection from "evolvent/Projection"

/** The counters. They have no commands to speak of: their events are appended as they are. */
export const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Touch: {} }),
  event: Schema.TaggedUnion({ Added: { n: Schema.Int } }),
  state: Schema.Null,
  initial: null
})({
  decide: { Touch: () => [] },
  evolve: { Added: () => null }
})

/** The definitions before and after: the same but for the mark. */
export const marks = { old: 1, new: 2 } as const

/**
 * A row of each counter. Its mark is that of whoever began it, and stays: no counter is new once the rebuild runs, so that
 * whoever goes on with the rows changes no mark.
 */
export const counts = (mark: number) =>
  Projection.make("soak-counts", {
    from: [Counter],
    row: Schema.Struct({ count: Schema.Int, total: Schema.Int, chain: Schema.Int, mark: Schema.Int }),
    initial: { count: 0, total: 0, chain: 0, mark },
    indexes: ["total"]
  })({
    evolve: {
      Added: ({ chain, count, mark, total }, { n }) => ({
        count: count + 1,
        total: total + n,
        chain: (Math.imul(chain, 31) + n) | 0,
        mark
      })
    }
  })

/** How many counters there are, for so many events. */
export const countersFor = (events: number): number => Math.max(20, Math.min(20_000, Math.floor(events / 50)))
