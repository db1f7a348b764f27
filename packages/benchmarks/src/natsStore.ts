// The rows of the event store on NATS: appends, loads and reading all.
import type { Context } from "./contest.ts"
import { progress } from "./contest.ts"
import { sumOfAmounts } from "./ledger.ts"
import { compete, contest, makeTally, verifyMessages } from "./natsContest.ts"
import type { Answer, CatchUp } from "./peers/protocol.ts"
import { measured, rowsOf } from "./rounds.ts"
import { grouped } from "./table.ts"
import type { Row } from "./table.ts"

const budget = 0.8

/** The rows of appending; after each round a peer's stream must hold what it has acknowledged. */
export const appending = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  await contest(context, ["ours-nats", "nats"], async (contestants) => {
    const acknowledged = makeTally("events")
    for (const { batch, callers } of [
      { batch: 1, callers: 1 },
      { batch: 1, callers: 16 },
      { batch: 1, callers: 64 },
      { batch: 10, callers: 16 }
    ]) {
      const what = `append ${batch} event${batch === 1 ? "" : "s"}, ${callers} caller${callers === 1 ? "" : "s"}`
      progress(what)
      const results = await compete(context, contestants, async (contestant, seconds) => {
        const request = { op: "append", batch, callers, seconds, target: { _tag: "Own" } } as const
        const answer = await contestant.child.ask(request)
        await acknowledged(contestant, answer.count)
        return measured(answer)
      })
      rows.push(...rowsOf(what, results, [["nats", "js.publish", budget]], "ours-nats"))
    }
  })
  return rows
}

/** A tenth of what `read` reads, in messages: filling takes its time. */
const messagesOf = ({ options }: Context): number => Math.max(1000, Math.round(options.events / 10_000) * 1000)

/** The rows of loading. All streams lie in one another, each message far from the next one of its stream. */
export const loading = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  const cases = [10, 100, 1000].map((length) => ({
    length,
    streams: Math.max(2, Math.round(messagesOf(context) / 3 / length))
  }))
  await contest(context, ["ours-nats", "nats"], async (contestants) => {
    let stored = 0
    for (const { length, streams } of cases) {
      progress(`storing ${streams} streams of ${grouped(length)}`)
      stored += streams * length
      for (const contestant of contestants) {
        await contestant.child.ask({ op: "seed", batch: 1, length, streams, prefix: `of${length}x` })
        await verifyMessages(contestant, "events", stored)
      }
    }
    for (const { length, streams } of cases) {
      const what = `load a stream of ${grouped(length)} events`
      progress(what)
      const results = await compete(context, contestants, async ({ child }, seconds) =>
        measured(await child.ask({ op: "load", length, streams, prefix: `of${length}x`, seconds }))
      )
      rows.push(...rowsOf(what, results, [["nats", "nats.js", budget]], "ours-nats"))
    }
  })
  return rows
}

/** Fails unless every pass has read everything. */
const verifyRead = ({ count, proof }: Answer, events: number): void => {
  const passes = count / events
  if (!Number.isInteger(passes) || passes < 1 || proof !== passes * sumOfAmounts(events)) {
    throw new Error(`${events} events were to be read, again and again, but ${count} of sum ${proof} were.`)
  }
}

/** The rows of reading all. */
export const catchingUp = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  const streams = 1000
  const messages = messagesOf(context)
  for (const batch of [1, 10]) {
    const length = (batch * messages) / streams
    const events = streams * length
    await contest(context, ["ours-nats", "nats"], async (contestants) => {
      for (const contestant of contestants) {
        progress(`storing ${grouped(events)} events, ${batch} a message, by ${contestant.name}`)
        await contestant.child.ask({ op: "seed", batch, length, streams, prefix: "read" })
        await verifyMessages(contestant, "events", messages)
      }
      for (const how of ["read", "subscribe"] as ReadonlyArray<CatchUp["how"]>) {
        const what = `${how} ${grouped(events)} events, ${batch} a message`
        progress(what)
        const results = await compete(context, contestants, async ({ child }, seconds) => {
          const answer = await child.ask({ op: "catchUp", how, seconds })
          verifyRead(answer, events)
          return measured(answer)
        })
        rows.push(...rowsOf(what, results, [["nats", "ordered consumer", budget]], "ours-nats"))
      }
    })
  }
  return rows
}
