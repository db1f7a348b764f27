// bench read: all events in order, decoded, against raw drivers that decode nothing; and the memory that a replay takes.
import { startPeer } from "./child.ts"
import { contest, isAsked, progress, verifyStored } from "./contest.ts"
import type { Contestant, Context } from "./contest.ts"
import { sumOfAmounts } from "./ledger.ts"
import type { PeerName } from "./options.ts"
import type { Answer, MemoryUse } from "./peers/protocol.ts"
import { inTurn, measured, rowsOf } from "./rounds.ts"
import type { Measured } from "./rounds.ts"
import { grouped, perSecond, print } from "./table.ts"
import type { Row } from "./table.ts"

const megabytes = 1024 * 1024
const memoryBudget = 150
// How much more may be live late in a replay than early, three passes or more before, and it still be called flat: a page
// of every thousand that were kept would be about as much.
const growthBudget = 2

const streams = 1000
const batch = 100

const verifyRead = ({ count, proof }: Answer, events: number): void => {
  if (count !== events || proof !== sumOfAmounts(events)) {
    throw new Error(`${events} events were to be read, but ${count} were, and their amounts sum to ${proof}.`)
  }
}

/** Replays in a process of its own, so that nothing but the replay is in its memory. */
const replayMemory = async ({ database }: Contestant, how: "read" | "subscribe", events: number): Promise<Row> => {
  const child = await startPeer("ours", database.url, ["--expose-gc"])
  try {
    const answer = await child.ask({ op: "replay", how, events })
    verifyRead(answer, events)
    return memoryRow(`replay ${grouped(events)} events by ${how}`, answer)
  } finally {
    await child.close()
  }
}

const memoryRow = (what: string, { count, memory, seconds }: Answer & { readonly memory?: MemoryUse }): Row => {
  if (memory === undefined) throw new Error("The replay told no memory.")
  const { early, idle, late, peak } = memory
  const above = (peak - idle) / megabytes
  const growth = (late - early) / megabytes
  return {
    what,
    measured: `${above.toFixed(0)} MB above idle at the peak, live ${growth < 0 ? "" : "+"}${growth.toFixed(1)} MB`,
    against: `idle ${(idle / megabytes).toFixed(0)} MB; ${perSecond(count / seconds)}`,
    budget: `< ${memoryBudget} MB, flat`,
    met: above < memoryBudget && growth < growthBudget
  }
}

/** The rows of reading. */
export const run = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const { rounds } = context.options
  // Whole appends, so that every peer stores the same.
  const length = Math.ceil(context.options.events / (streams * batch)) * batch
  const events = streams * length
  const what = `read ${grouped(events)} events in order`
  const rows: Array<Row> = []
  await contest(context, ["ours", "pg"], async (contestants) => {
    for (const contestant of contestants) {
      progress(`storing ${grouped(events)} events by ${contestant.name}`)
      await contestant.child.ask({ op: "seed", batch, length, streams, prefix: "read" })
      await verifyStored(contestant, events)
      await contestant.database.settle()
    }
    // Those that read are new processes: ours with the schema compiler, the other driver on the table of `pg`.
    const ours = contestants.find(({ name }) => name === "ours")
    const raw = contestants.find(({ name }) => name === "pg")
    const readers: ReadonlyArray<readonly [PeerName, Contestant | undefined]> = [
      ["ours-jit", ours],
      ["pg", raw],
      ["sql-pg", raw]
    ]
    progress(what)
    const peers = new Map<PeerName, () => Promise<Measured>>()
    const children = []
    try {
      for (const [name, stored] of readers) {
        if (stored === undefined || !isAsked(context.options, name)) continue
        const child = await startPeer(name, stored.database.url)
        children.push(child)
        const read = async (events: number) => {
          const answer = await child.ask({ op: "read", events })
          verifyRead(answer, events)
          return measured(answer)
        }
        await read(Math.min(events, 100_000))
        peers.set(name, () => read(events))
      }
      rows.push(
        ...rowsOf(
          what,
          await inTurn(peers, rounds),
          [
            ["pg", "pg, pages of 1 000", 1],
            ["sql-pg", "@effect/sql-pg, the same", 0.7]
          ],
          "ours-jit"
        )
      )
    } finally {
      for (const child of children) await child.close()
    }
    if (ours === undefined) return
    for (const how of ["read", "subscribe"] as const) {
      progress(`memory of a replay by ${how}`)
      rows.push(await replayMemory(ours, how, events))
    }
  })
  print("read: events a second; ours decodes each by its Schema, compiled, the drivers decode nothing", rows)
  return rows
}
