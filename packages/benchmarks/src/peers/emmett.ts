// The peer "emmett": Emmett 0.42 on PostgreSQL as its documentation shows it; its pool has 10 connections by default.
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql"
import type { PostgresEventStore } from "@event-driven-io/emmett-postgresql"
import { category, dataAt, evolve, initial, typeAt } from "../ledger.ts"
import type { Balance, LedgerMessage } from "../ledger.ts"
import { makeCallers, seedTurns } from "./callers.ts"
import { projectCounts } from "./emmettProjecting.ts"
import type { AppendFor, LoadFor, Peer, Seed } from "./protocol.ts"
import { serve } from "./serve.ts"
import { drive, start } from "./stopwatch.ts"

const eventsAt = (event: number, count: number): Array<LedgerMessage> =>
  Array.from({ length: count }, (_, i) => ({ type: typeAt(event + i), data: dataAt(event + i) }))

let store: PostgresEventStore | undefined
let url = ""
const opened = (): PostgresEventStore => {
  if (store === undefined) throw new Error("The peer was not opened.")
  return store
}

// A stream's version is the number of its events: 0n expects none. `STREAM_DOES_NOT_EXIST` would check nothing.
const appendAt = (stream: string, revision: number | undefined, event: number, count: number) =>
  opened().appendToStream<LedgerMessage>(
    stream,
    eventsAt(event, count),
    revision === undefined ? {} : { expectedStreamVersion: BigInt(revision) }
  )

const callers = makeCallers()

const append = ({ batch, callers: count, seconds, target }: AppendFor) => {
  const operations = callers(count, batch, target).map((next) => () => {
    const { event, revision, stream } = next()
    return appendAt(stream, revision, event, batch)
  })
  return drive(seconds, operations)
}

// One append after the other: what is written at the same time, its consumer may read in another order or pass over.
const seed = async (request: Seed) => {
  const watch = start()
  for (const turn of seedTurns(request)) {
    for (const { count, event, revision, stream } of turn) await appendAt(stream, revision, event, count)
  }
  return watch.answer(0, request.streams * request.length)
}

const load = async ({ length, prefix, seconds, streams }: LoadFor) => {
  const watch = start(seconds)
  let proof = 0
  for (let i = 0; watch.isRunning(); i++) {
    const began = performance.now()
    const { state } = await opened().aggregateStream<Balance, LedgerMessage>(`${category}-${prefix}${i % streams}`, {
      evolve: (state: Balance, { data, type }: LedgerMessage) => evolve(state, type, data.amount),
      initialState: () => initial
    })
    watch.done(began)
    if (state.entries !== length) throw new Error(`A stream of ${length} events was folded from ${state.entries}.`)
    proof += state.entries
  }
  return watch.answer(proof)
}

const peer: Peer = {
  open: async (where) => {
    url = where
    store = getPostgreSQLEventStore(url)
    await store.schema.migrate()
  },
  seed,
  append,
  load,
  project: (request) => projectCounts(url, request),
  close: async () => store?.close()
}

serve(peer)
