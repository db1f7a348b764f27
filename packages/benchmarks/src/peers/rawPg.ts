// The peer "pg": no library at all, a hand-made events table with the usual two indexes and prepared statements.
import { Pool } from "pg"
import { dataAt, typeAt } from "../ledger.ts"
import { makeCallers, seedTurns } from "./callers.ts"
import type { AppendFor, Peer, ReadAll, Seed } from "./protocol.ts"
import { serve } from "./serve.ts"
import { drive, start } from "./stopwatch.ts"

const createTable = `
  CREATE TABLE IF NOT EXISTS events (
    position bigserial PRIMARY KEY,
    stream text NOT NULL,
    version bigint NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    type text NOT NULL,
    data json NOT NULL,
    metadata json NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (stream, version)
  )`

const readPage = `
  SELECT position, stream, version, id, type, data, metadata, recorded_at
  FROM events WHERE position > $1 ORDER BY position LIMIT 1000`

interface Page {
  readonly position: string
  readonly data: { readonly amount: number }
}

// One text for each number of rows, so that each is prepared once.
const inserts = new Map<number, { readonly name: string; readonly text: string }>()
const insertOf = (rows: number) => {
  const known = inserts.get(rows)
  if (known !== undefined) return known
  const values = Array.from({ length: rows }, (_, i) => `($${4 * i + 1}, $${4 * i + 2}, $${4 * i + 3}, $${4 * i + 4})`)
  const insert = {
    name: `insert ${rows}`,
    text: `INSERT INTO events (stream, version, type, data) VALUES ${values.join(", ")}`
  }
  inserts.set(rows, insert)
  return insert
}

let pool: Pool | undefined
const connected = (): Pool => {
  if (pool === undefined) throw new Error("The peer was not opened.")
  return pool
}

const insert = async (stream: string, revision: number, event: number, rows: number): Promise<void> => {
  const values: Array<string | number> = []
  for (let i = 0; i < rows; i++) {
    values.push(stream, revision + i, typeAt(event + i), JSON.stringify(dataAt(event + i)))
  }
  await connected().query({ ...insertOf(rows), values })
}

const callers = makeCallers()

const append = ({ batch, callers: count, seconds, target }: AppendFor) => {
  const operations = callers(count, batch, target).map((next) => () => {
    const { event, revision, stream } = next()
    return insert(stream, revision ?? 0, event, batch)
  })
  return drive(seconds, operations)
}

const seed = async (request: Seed) => {
  const watch = start()
  for (const turn of seedTurns(request)) {
    await Promise.all(turn.map(({ count, event, revision, stream }) => insert(stream, revision, event, count)))
  }
  return watch.answer(0, request.streams * request.length)
}

const read = async ({ events }: ReadAll) => {
  const watch = start()
  let sum = 0
  let count = 0
  let position = "0"
  while (count < events) {
    const { rows } = await connected().query<Page>({ name: "page", text: readPage, values: [position] })
    for (const { data } of rows) sum += data.amount
    count += rows.length
    const last = rows.at(-1)
    if (last === undefined) break
    position = last.position
  }
  return watch.answer(sum, count)
}

const peer: Peer = {
  open: async (url) => {
    pool = new Pool({ connectionString: url, max: 10 })
    await pool.query(createTable)
  },
  seed,
  append,
  read,
  close: async () => pool?.end()
}

serve(peer)
