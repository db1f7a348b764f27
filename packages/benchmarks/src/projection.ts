// bench projection: a counter for each of many keys, kept in PostgreSQL exactly once, against Emmett's async consumer.
import { contest, progress, verifyStored } from "./contest.ts"
import type { Contestant, Context } from "./contest.ts"
import type { PeerName } from "./options.ts"
import { inTurn, measured, median, rowsOf } from "./rounds.ts"
import type { Measured } from "./rounds.ts"
import { grouped, perSecond, print } from "./table.ts"
import type { Row } from "./table.ts"

const keys = 1000
// Emmett gets a thirtieth of the events and as many keys: its rate does not depend on how many there are.
const share = (name: PeerName): number => (name === "ours" ? 0.3 : 0.01)
const eventsOf = ({ options }: Context, name: PeerName): number =>
  keys * Math.max(1, Math.round((options.events * share(name)) / keys))
const ratioBudget = 50
const rateBudget = 100_000

/** The same projection in several partitions, all of them in one process: what dividing it costs, or gains. */
const byPartitions = async (
  { child }: Contestant,
  events: number,
  rounds: number,
  alone: number
): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for (const partitions of [2, 4, 8]) {
    progress(`projecting in ${partitions} partitions`)
    const rates: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const name = `counts${partitions}x${round}`
      const answer = await child.ask({ op: "project", how: "document", name, events, partitions })
      if (answer.count !== events || answer.proof !== events) {
        throw new Error(
          `There were ${events} events to count in ${partitions} partitions; ${answer.proof} were counted.`
        )
      }
      rates.push(measured(answer).rate)
    }
    const rate = median(rates)
    rows.push({
      what: `the same in ${partitions} partitions, ${grouped(keys)} keys`,
      measured: perSecond(rate),
      against: `one partition ${perSecond(alone)}`,
      ratio: rate / alone
    })
  }
  return rows
}

/** The rows of catching up. */
export const run = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const { rounds } = context.options
  const rows: Array<Row> = []
  await contest(context, ["ours", "emmett", "emmett-sql"], async (contestants) => {
    const peers = new Map<PeerName, (round: number) => Promise<Measured>>()
    for (const contestant of contestants) {
      const { child, database, name } = contestant
      const events = eventsOf(context, name)
      const length = events / keys
      progress(`storing ${grouped(events)} events by ${name}`)
      // Single events in turns, so that each batch of a consumer meets as many keys as it can.
      await child.ask({ op: "seed", batch: 1, length, streams: keys, prefix: "key" })
      await verifyStored(contestant, events)
      await database.settle()
      peers.set(name, async (round) => {
        const answer = await child.ask({
          op: "project",
          how: name === "emmett-sql" ? "statement" : "document",
          name: `counts${round + 1}`,
          events,
          partitions: 1
        })
        if (answer.count !== events || answer.proof !== events) {
          throw new Error(
            `"${name}" had ${events} events to count; it handled ${answer.count} and counted ${answer.proof}.`
          )
        }
        return measured(answer)
      })
    }
    progress("projecting")
    // The first round warms up and does not count.
    for (const [, round] of peers) await round(-1)
    const results = await inTurn(peers, rounds)
    const what = `projection catches up, ${grouped(keys)} keys`
    rows.push(
      ...rowsOf(what, results, [
        ["emmett", "Emmett, Pongo documents", ratioBudget],
        ["emmett-sql", "Emmett, SQL by hand", undefined]
      ])
    )
    const ours = results.get("ours")
    if (ours !== undefined) {
      const rate = median(ours.map(({ rate }) => rate))
      rows.push({ what, measured: perSecond(rate), budget: `> ${perSecond(rateBudget)}`, met: rate > rateBudget })
      const contestant = contestants.find(({ name }) => name === "ours")
      if (contestant !== undefined)
        rows.push(...(await byPartitions(contestant, eventsOf(context, "ours"), rounds, rate)))
    }
  })
  print("projection: events a second into rows in PostgreSQL, each exactly once", rows)
  return rows
}
