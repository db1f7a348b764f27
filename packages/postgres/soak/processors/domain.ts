// domain: accounts, some of whose events fail until they are mended, and a projection whose every mistake shows in its rows.
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"

/** `trouble` numbers the events that fail until they are mended; 0 for all others. */
const fields = { amount: Schema.Int, trouble: Schema.Int }

/** The accounts. They have no commands to speak of: their events are appended as they are. */
export const Account = Aggregate.make("Soak", {
  command: Schema.TaggedUnion({ Touch: {} }),
  event: Schema.TaggedUnion({ Deposited: fields, Withdrawn: fields }),
  state: Schema.Null,
  initial: null
})({
  decide: { Touch: () => [] },
  evolve: { Deposited: () => null, Withdrawn: () => null }
})

/** What a troublesome event fails with. */
export class Trouble extends Schema.TaggedError<Trouble>()("Trouble", { trouble: Schema.Int }) {}

/** How many accounts there are, and into how many groups they fall. */
export const accounts = 40
const groups = 5

/** The amount that takes everything from an account, and nothing from anybody else. */
export const everything = 1_000_000

const keysOf = (streamId: string, amount: number, trouble: number): ReadonlyArray<string> => {
  const account = `account ${streamId}`
  if (amount === everything) return [account]
  const group = `group ${Number(streamId) % groups}`
  // What fails holds up a group, and not everything.
  return trouble > 0 ? [account, group] : [account, group, "all"]
}

/**
 * A row of each account, of each group and of all. `chain` tells the order and the number of the events since the row
 * began; a row is removed when its balance comes to nothing, and then begins anew.
 */
export const ledger = (mended: () => number) => {
  const check = (trouble: number) => {
    if (trouble > mended()) throw new RangeError(`trouble ${trouble}`)
  }
  const chained = (chain: number, amount: number) => (Math.imul(chain, 31) + amount) | 0
  return Projection.make("soak-ledger", {
    from: [Account],
    row: Schema.Struct({ balance: Schema.Int, count: Schema.Int, chain: Schema.Int }),
    initial: { balance: 0, count: 0, chain: 0 },
    indexes: ["balance"],
    key: ({ data: { amount, trouble }, streamId }) => [...keysOf(streamId, amount, trouble)]
  })({
    evolve: {
      Deposited: ({ balance, chain, count }, { amount, trouble }) => {
        check(trouble)
        return { balance: balance + amount, count: count + 1, chain: chained(chain, amount) }
      },
      Withdrawn: ({ balance, chain, count }, { amount, trouble }) => {
        check(trouble)
        return balance <= amount
          ? Projection.remove
          : { balance: balance - amount, count: count + 1, chain: chained(chain, -amount) }
      }
    }
  })
}

/** The names of the others. */
export const handlerName = "soak-rows"
export const reactorName = "soak-outside"

/** The three by their names, their checkpoints, and the keys of an event in them. */
export const targets = [
  {
    name: "projection",
    checkpoint: Processor.projection(ledger(() => Infinity)).checkpoint,
    keys: (streamId: string, amount: number, trouble: number) => keysOf(streamId, amount, trouble)
  },
  { name: "handler", checkpoint: `handler/${handlerName}`, keys: (streamId: string) => [`Soak-${streamId}`] },
  { name: "reactor", checkpoint: `reactor/${reactorName}`, keys: (streamId: string) => [`Soak-${streamId}`] }
] as const

/** The slot that a key falls in, as the name of its checkpoint. */
export const slotName = (checkpoint: string, key: string): string => `${checkpoint}/${Processor.slotOf(key)}`
