// bench scale: what an append costs in a store of ten million events, against one of ten thousand.
import { startPeer } from "./child.ts"
import { progress } from "./contest.ts"
import type { Context } from "./contest.ts"
import type { Target } from "./peers/protocol.ts"
import { measured, median, spreadOf } from "./rounds.ts"
import type { Measured } from "./rounds.ts"
import type { Database, Server } from "./server.ts"
import { fill, streamsOf } from "./stored.ts"
import { grouped, perSecond, print } from "./table.ts"
import type { Row } from "./table.ts"

const few = 10_000
const callersOf = [1, 16, 64]
const ownBudget = 0.9
const oldBudget = 0.8
const warmUpSeconds = 2

// After a checkpoint the first change of a page writes the whole page into the log. In a large store random appends meet
// such pages for a while; in steady state, which this is about, they have met most of them.
const steadyPagesAnAppend = 0.05
const steadySeconds = 300

const lastCheckpoint = "SELECT checkpoint_lsn - '0/0'::pg_lsn FROM pg_control_checkpoint()"

/** One process, new for either store so that both are equally warm, one round; what it acknowledged must be stored. */
const round = async (
  database: Database,
  callers: number,
  target: Target,
  seconds: number
): Promise<Measured & { readonly count: number }> => {
  const child = await startPeer("ours", database.url)
  try {
    const before = await database.number("SELECT coalesce(max(position), 0) FROM evolvent.events")
    const request = { op: "append", callers, batch: 1, target } as const
    const warmUp = await child.ask({ ...request, seconds: warmUpSeconds })
    const answer = await child.ask({ ...request, seconds })
    const stored = await database.number(`SELECT count(*) FROM evolvent.events WHERE position > ${before}`)
    const acknowledged = warmUp.count + answer.count
    if (stored !== acknowledged) throw new Error(`${acknowledged} appends were acknowledged, but ${stored} are stored.`)
    return { ...measured(answer), count: acknowledged }
  } finally {
    await child.close()
  }
}

/** Appends to random streams until hardly any page is written whole into the log. */
const untilSteady = async (database: Database, target: Target): Promise<void> => {
  const wholePages = () => database.number("SELECT wal_fpi FROM pg_stat_wal")
  await database.number("CHECKPOINT")
  const end = performance.now() + steadySeconds * 1000
  for (;;) {
    const before = await wholePages()
    const { count } = await round(database, 64, target, 5)
    const pages = ((await wholePages()) - before) / count
    progress(`  ${pages.toFixed(2)} whole pages an append`)
    if (pages < steadyPagesAnAppend || performance.now() > end) return
  }
}

/** A store of ours with so many events, at rest. */
const storeOf = async (server: Server, events: number): Promise<Database> => {
  const database = await server.create()
  // Whoever opens it first migrates it.
  await (await startPeer("ours", database.url)).close()
  await fill(database, events, (stored) => stored >= 1_000_000 && progress(`  ${grouped(stored)} stored`))
  return database
}

/** The rows of scale. */
export const run = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const { rounds, seconds, stored } = context.options
  const server = await context.server()
  // Dropping a database makes a checkpoint, which would end the steady state of the other: all are dropped at the end.
  const databases: Array<Database> = []
  const make = async (events: number): Promise<Database> => {
    const database = await storeOf(server, events)
    databases.push(database)
    return database
  }
  const rows: Array<Row> = []
  try {
    progress(`storing ${grouped(stored)} events`)
    const large = await make(stored)
    await large.settle()
    const old = (events: number): Target => ({ _tag: "Old", streams: streamsOf(events) })
    for (const kind of ["own", "old"] as const) {
      for (const callers of callersOf) {
        const what = `append, ${callers} caller${callers === 1 ? "" : "s"}, ${kind === "own" ? "streams of their own" : "random old streams"}`
        progress(what)
        const target = (events: number): Target => (kind === "own" ? { _tag: "Own" } : old(events))
        if (kind === "old") await untilSteady(large, old(stored))
        const before = await large.number(lastCheckpoint)
        const pairs: Array<readonly [small: Measured, large: Measured]> = []
        for (let i = 0; i < rounds; i++) {
          const small = await make(few)
          const onSmall = () => round(small, callers, target(few), seconds)
          const onLarge = () => round(large, callers, target(stored), seconds)
          if (i % 2 === 0) {
            pairs.push([await onSmall(), await onLarge()])
          } else {
            const first = await onLarge()
            pairs.push([await onSmall(), first])
          }
        }
        if ((await large.number(lastCheckpoint)) !== before) progress("  a checkpoint fell into these rounds")
        const all = pairs.map(([small, large]) => large.rate / small.rate)
        const ratio = median(all)
        const budget = kind === "own" ? ownBudget : oldBudget
        const rateOf = (i: 0 | 1) => perSecond(median(pairs.map((pair) => pair[i].rate)))
        rows.push({
          what,
          measured: rateOf(1),
          against: `${grouped(few)} stored: ${rateOf(0)}`,
          ratio,
          spread: spreadOf(all),
          budget: `≥ ${budget.toFixed(2)}×`,
          met: ratio >= budget
        })
      }
    }
  } finally {
    // It took long to measure these: they are shown even where the rest fails.
    if (rows.length > 0) print(`scale: appends a second with ${grouped(stored)} events stored, steady state`, rows)
    for (const database of databases) await database.drop()
  }
  return rows
}
