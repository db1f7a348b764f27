// Accounts, and metrics of a test's own: what is counted now.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Aggregate from "../../src/Aggregate.ts"
import * as Memory from "../../src/Memory.ts"
import * as Projection from "../../src/Projection.ts"

export const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Deposit: { amount: Schema.Int } }),
  event: Schema.TaggedUnion({ Deposited: { amount: Schema.Int } }),
  state: Schema.Int,
  initial: 0
})({
  decide: { Deposit: ({ amount }) => [{ _tag: "Deposited", amount }] },
  evolve: { Deposited: (sum, { amount }) => sum + amount }
})

export const Sums = Projection.make("sums", {
  from: [Account],
  row: Schema.Struct({ sum: Schema.Int }),
  initial: { sum: 0 }
})({
  evolve: { Deposited: ({ sum }, { amount }) => ({ sum: sum + amount }) }
})

export const deposit = (amount: number, id = "ada") => Aggregate.execute(Account, id, { _tag: "Deposit", amount })

/** What is counted now, without what is 0: `name{label}` and its number; of a histogram how often and the sum. */
export const now = Effect.map(Metric.snapshot, (all) =>
  Object.fromEntries(
    all.flatMap(({ attributes, id, state }): ReadonlyArray<readonly [string, unknown]> => {
      const { unit: _, ...labels } = attributes ?? {}
      const name = [id.replace("evolvent_", ""), ...Object.values(labels)].join(" ")
      if ("buckets" in state) return [[name, `${state.count} of ${state.sum}`]]
      const value = "count" in state ? Number(state.count) : "value" in state ? Number(state.value) : undefined
      return value === 0 || value === undefined ? [] : [[name, value]]
    })
  )
)

/** Runs an effect with metrics and a Memory of its own. */
export const alone = <A, E>(
  effect: Effect.Effect<A, E, Memory.Services>,
  layer: Layer.Layer<never, never, Memory.Services> = Layer.empty
) =>
  effect.pipe(
    Effect.provide(Layer.provideMerge(layer, Memory.layer)),
    Effect.provideService(Metric.MetricRegistry, new Map())
  )
