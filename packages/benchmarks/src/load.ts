// bench load: streams loaded, decoded by Schema and folded, against Emmett's `aggregateStream`.
import { contest, progress, verifyStored } from "./contest.ts"
import type { Context } from "./contest.ts"
import type { PeerName } from "./options.ts"
import { inTurn, measured, rowsOf } from "./rounds.ts"
import type { Measured } from "./rounds.ts"
import { grouped, print } from "./table.ts"
import type { Row } from "./table.ts"

// Several streams of each length, stored in turns: a stream's events lie apart, as they do in a store in use.
const cases = [
  { length: 100, streams: 200, batch: 10, emmett: 2.5 },
  { length: 1000, streams: 20, batch: 20, emmett: 3 },
  { length: 10_000, streams: 4, batch: 100, emmett: 3.5 }
]

/** The rows of loading. */
export const run = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const { rounds, seconds } = context.options
  const rows: Array<Row> = []
  await contest(context, ["ours", "ours-jit", "emmett"], async (contestants) => {
    let stored = 0
    for (const { batch, length, streams } of cases) {
      progress(`storing ${streams} streams of ${grouped(length)}`)
      stored += streams * length
      for (const contestant of contestants) {
        await contestant.child.ask({ op: "seed", batch, length, streams, prefix: `of${length}x` })
        await verifyStored(contestant, stored)
      }
    }
    for (const { database } of contestants) await database.settle()
    for (const { emmett, length, streams } of cases) {
      const what = `load a stream of ${grouped(length)} events`
      progress(what)
      const peers = new Map<PeerName, () => Promise<Measured>>()
      for (const { child, name } of contestants) {
        const load = async (seconds: number) =>
          measured(await child.ask({ op: "load", length, streams, prefix: `of${length}x`, seconds }))
        await load(1)
        peers.set(name, () => load(seconds))
      }
      const results = await inTurn(peers, rounds)
      rows.push(...rowsOf(what, results, [["emmett", "Emmett", emmett]]))
      // For those who switch the compiler on; the budget is for everybody.
      if (results.has("ours-jit")) {
        rows.push(...rowsOf("  the same, schema compiled", results, [["emmett", "Emmett", undefined]], "ours-jit"))
      }
    }
  })
  print("load: streams a second, one after the other; ours decodes each event by its Schema, Emmett does not", rows)
  return rows
}
