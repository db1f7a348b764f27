// bench nats: the event store and the bus on NATS against plain nats.js, the same payloads on one server.
import type { Context } from "./contest.ts"
import { consuming, publishing } from "./natsBus.ts"
import { appending, catchingUp, loading } from "./natsStore.ts"
import { print } from "./table.ts"
import type { Row } from "./table.ts"

const tables: ReadonlyArray<readonly [title: string, measure: (context: Context) => Promise<ReadonlyArray<Row>>]> = [
  ["nats append: appends a second, each caller to streams of its own, expecting what is their last", appending],
  [
    "nats load: streams a second, one after the other; ours decodes each event by its Schema, nats.js parses JSON",
    loading
  ],
  ["nats catch-up: events a second, in order; both parse JSON, ours gives events with their positions", catchingUp],
  ["nats publish: messages a second, each with an id that the server knows again", publishing],
  ["nats consume: messages a second, from the first to the last there is, by a group that is new", consuming]
]

/** The rows of NATS. */
export const run = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const all: Array<Row> = []
  for (const [title, measure] of tables) {
    const rows = await measure(context)
    print(title, rows)
    all.push(...rows)
  }
  return all
}
