// The peer "sql-pg": the driver that we use ourselves, reading the table of the peer "pg" and decoding nothing.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import type { Peer, ReadAll } from "./protocol.ts"
import { serve } from "./serve.ts"
import { start } from "./stopwatch.ts"

interface Page {
  readonly position: bigint
  readonly data: { readonly amount: number }
}

const makeRuntime = (url: string) =>
  ManagedRuntime.make(PgClient.layer({ url: Redacted.make(url), maxConnections: 10 }))

let runtime: ReturnType<typeof makeRuntime> | undefined

const readPages = Effect.fnUntraced(function* (events: number) {
  const sql = yield* PgClient.PgClient
  let sum = 0
  let count = 0
  let position = 0n
  while (count < events) {
    const rows = yield* sql<Page>`
      SELECT position, stream, version, id, type, data, metadata, recorded_at
      FROM events WHERE position > ${position} ORDER BY position LIMIT 1000`
    for (const { data } of rows) sum += data.amount
    count += rows.length
    const last = rows.at(-1)
    if (last === undefined) break
    position = last.position
  }
  return { sum, count }
})

const read = async ({ events }: ReadAll) => {
  if (runtime === undefined) throw new Error("The peer was not opened.")
  const watch = start()
  const { count, sum } = await runtime.runPromise(readPages(events))
  return watch.answer(sum, count)
}

const peer: Peer = {
  open: async (url) => {
    runtime = makeRuntime(url)
    await runtime.runPromise(PgClient.PgClient)
  },
  read,
  close: async () => runtime?.dispose()
}

serve(peer)
