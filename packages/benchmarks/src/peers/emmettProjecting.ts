// How the peer "emmett" catches up: its async consumer with a projector, batches of 1 000.
import {
  pongoSingleStreamProjection,
  postgreSQLEventStoreConsumer,
  postgreSQLProjection
} from "@event-driven-io/emmett-postgresql"
import type { PostgreSQLProjectionDefinition } from "@event-driven-io/emmett-postgresql"
import { Client } from "pg"
import { types } from "../ledger.ts"
import type { LedgerMessage } from "../ledger.ts"
import type { Answer, Project } from "./protocol.ts"
import { start } from "./stopwatch.ts"

// A type alias, as Pongo asks for.
type Counts = {
  readonly entries: number
}

/** The way that its documentation shows first, and the like of our projection: a pure `evolve` of a stored document. */
const documents = (name: string, handled: () => void): PostgreSQLProjectionDefinition<LedgerMessage> =>
  pongoSingleStreamProjection<Counts, LedgerMessage>({
    collectionName: name,
    canHandle: types,
    initialState: () => ({ entries: 0 }),
    evolve: (document: Counts) => {
      handled()
      return { ...document, entries: document.entries + 1 }
    }
  })

/** The least that an event can cost it: one prepared upsert, written by hand, in the consumer's own transaction. */
const statements = (name: string, handled: () => void): PostgreSQLProjectionDefinition<LedgerMessage> =>
  postgreSQLProjection<LedgerMessage>({
    name,
    canHandle: types,
    init: async ({ context }) => {
      await context.connection.client.query(`CREATE TABLE ${name} (id text PRIMARY KEY, entries bigint NOT NULL)`)
    },
    handle: async (messages, { connection: { client } }) => {
      const text = `INSERT INTO ${name} (id, entries) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET entries = ${name}.entries + 1`
      for (const { metadata } of messages) {
        await client.query({ name, text, values: [metadata.streamName] })
        handled()
      }
    }
  })

const sumOf = async (url: string, { how, name }: Project): Promise<number> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  const entries = how === "document" ? "(data->>'entries')::int" : "entries"
  const { rows } = await client.query<{ readonly sum: string }>(`SELECT sum(${entries})::text AS sum FROM ${name}`)
  await client.end()
  return Number(rows[0]?.sum)
}

/** Builds a read model from the beginning. */
export const projectCounts = async (url: string, request: Project): Promise<Answer> => {
  const { events, how, name } = request
  let count = 0
  let finished = () => {}
  const last = new Promise<void>((resolve) => (finished = resolve))
  const handled = () => {
    count += 1
    if (count === events) finished()
  }
  const consumer = postgreSQLEventStoreConsumer<LedgerMessage>({
    connectionString: url,
    // It pauses between batches; the shortest pause there is, so that it is not its waiting that is measured.
    pulling: { batchSize: 1000, pullingFrequencyInMs: 1 },
    stopWhen: { noMessagesLeft: true }
  })
  const projection = how === "document" ? documents(name, handled) : statements(name, handled)
  consumer.projector<LedgerMessage>({ processorId: name, projection })
  const watch = start()
  const stopped = consumer.start()
  // Up to the last event, not to its commit nor to the pause after it.
  await Promise.race([last, stopped])
  const answer = watch.answer(0, count)
  await stopped
  const proof = await sumOf(url, request)
  await consumer.close()
  return { ...answer, proof }
}
