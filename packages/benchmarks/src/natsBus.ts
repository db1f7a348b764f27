// The rows of the bus on NATS: publishing, and consuming as a group.
import { progress } from "./contest.ts"
import type { Context } from "./contest.ts"
import { sumOfAmounts } from "./ledger.ts"
import { compete, contest, makeTally, verifyMessages } from "./natsContest.ts"
import { measured, rowsOf } from "./rounds.ts"
import { grouped } from "./table.ts"
import type { Row } from "./table.ts"

const budget = 0.8
const inFlight = 128

/** The rows of publishing; after each round a peer's stream must hold what it has acknowledged. */
export const publishing = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  await contest(context, ["ours-nats", "nats"], async (contestants) => {
    const acknowledged = makeTally("bus")
    for (const { batch, callers, what } of [
      { batch: 1, callers: inFlight, what: `publish 1 message, ${inFlight} callers` },
      { batch: 1024, callers: 1, what: `publish 1 024 messages at once, ${inFlight} in flight` }
    ]) {
      progress(what)
      const results = await compete(context, contestants, async (contestant, seconds) => {
        const answer = await contestant.child.ask({ op: "publish", batch, callers, inFlight, seconds })
        await acknowledged(contestant, answer.count)
        return measured(answer)
      })
      rows.push(...rowsOf(what, results, [["nats", "js.publish", budget]], "ours-nats"))
    }
  })
  return rows
}

/** The rows of consuming. */
export const consuming = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const messages = Math.max(1000, Math.round(context.options.events / 50))
  const what = `consume ${grouped(messages)} messages`
  return contest(context, ["ours-nats", "nats", "nats-durable"], async (contestants) => {
    for (const contestant of contestants) {
      progress(`publishing ${grouped(messages)} messages by ${contestant.name}`)
      await contestant.child.ask({ op: "fill", messages })
      await verifyMessages(contestant, "bus", messages)
    }
    progress(what)
    const results = await compete(context, contestants, async ({ child, name }, _, round) => {
      const answer = await child.ask({ op: "consume", group: `group${round + 1}`, messages })
      if (answer.count !== messages || answer.proof !== sumOfAmounts(messages)) {
        throw new Error(`"${name}" was to handle ${messages} messages once, but handled ${answer.count}.`)
      }
      return measured(answer)
    })
    return rowsOf(
      what,
      results,
      [
        // What nats.js has for groups: each message acknowledged, by the server's own account of what is in flight.
        ["nats-durable", "durable consumer, ack of each", budget],
        // No group and no acknowledgement: how fast one process can read at all that moves a cursor now and then.
        ["nats", "ordered consumer, KV cursor every 1 000", undefined]
      ],
      "ours-nats"
    )
  })
}
