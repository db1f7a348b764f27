// bench append: appends of 1, 10 and 100 events, against Emmett and against an INSERT through `pg`.
import { contest, progress, verifyStored } from "./contest.ts"
import type { Context, Contestant } from "./contest.ts"
import type { AppendFor } from "./peers/protocol.ts"
import { inTurn, measured, rowsOf } from "./rounds.ts"
import type { Measured } from "./rounds.ts"
import { print } from "./table.ts"
import type { Row } from "./table.ts"

interface Case {
  readonly batch: number
  readonly callers: number
  /** How many times the rate of each ours has to be at least. */
  readonly emmett: number
  readonly pg: number
}

const cases: ReadonlyArray<Case> = [
  { batch: 1, callers: 1, emmett: 1.9, pg: 0.85 },
  { batch: 1, callers: 16, emmett: 6, pg: 1.7 },
  { batch: 1, callers: 64, emmett: 10, pg: 2.5 },
  { batch: 10, callers: 16, emmett: 2.2, pg: 0.7 },
  { batch: 100, callers: 16, emmett: 2, pg: 0.75 }
]

/** A contestant's rounds; after each of them its table must hold what it has acknowledged. */
const appender = async (
  contestant: Contestant,
  request: Omit<AppendFor, "op" | "seconds">,
  seconds: number
): Promise<() => Promise<Measured>> => {
  let acknowledged = 0
  const append = async (seconds: number) => {
    const answer = await contestant.child.ask({ op: "append", ...request, seconds })
    acknowledged += answer.count * request.batch
    await verifyStored(contestant, acknowledged)
    return measured(answer)
  }
  await append(1)
  return () => append(seconds)
}

/** The rows of appending. */
export const run = async (context: Context): Promise<ReadonlyArray<Row>> => {
  const { rounds, seconds } = context.options
  const rows: Array<Row> = []
  for (const { batch, callers, ...budgets } of cases) {
    const what = `append ${batch} event${batch === 1 ? "" : "s"}, ${callers} caller${callers === 1 ? "" : "s"}`
    progress(what)
    await contest(context, ["ours", "emmett", "pg"], async (contestants) => {
      const peers = new Map<Contestant["name"], () => Promise<Measured>>()
      for (const contestant of contestants) {
        const request = { batch, callers, target: { _tag: "Own" } } as const
        peers.set(contestant.name, await appender(contestant, request, seconds))
      }
      const results = await inTurn(peers, rounds)
      rows.push(
        ...rowsOf(what, results, [
          ["emmett", "Emmett", budgets.emmett],
          ["pg", batch === 1 ? "pg INSERT" : "pg multi-row INSERT", budgets.pg]
        ])
      )
    })
  }
  print("append: appends a second, each caller to streams of its own at their exact revision", rows)
  return rows
}
