// A contest: some peers, each in its own process and on its own fresh database, which end with it.
import { startPeer } from "./child.ts"
import type { Child } from "./child.ts"
import type { NatsServer } from "./natsServer.ts"
import type { Options, PeerName, PeerOnNats } from "./options.ts"
import type { Database, Server } from "./server.ts"

/** What a benchmark gets from the command line. */
export interface Context {
  readonly options: Options
  /** The server; started when the first benchmark asks for it. */
  readonly server: () => Promise<Server>
  /** The same of NATS. */
  readonly nats: () => Promise<NatsServer>
}

/** A peer that keeps what it stores on PostgreSQL. */
type PeerOnPostgres = Exclude<PeerName, PeerOnNats>

/** A peer that runs, and its database. */
export interface Contestant {
  readonly name: PeerOnPostgres
  readonly child: Child
  readonly database: Database
}

// Where each peer keeps its events.
const tables: { readonly [Name in PeerOnPostgres]: string } = {
  ours: "evolvent.events",
  "ours-jit": "evolvent.events",
  emmett: "emt_messages",
  "emmett-sql": "emt_messages",
  pg: "events",
  "sql-pg": "events"
}

/** Fails unless the peer's table holds so many events: what was acknowledged is what is stored. */
export const verifyStored = async ({ database, name }: Contestant, expected: number): Promise<void> => {
  const stored = await database.number(`SELECT count(*) FROM ${tables[name]}`)
  if (stored !== expected) throw new Error(`"${name}" acknowledged ${expected} events, but its table holds ${stored}.`)
}

/** Whether a peer was asked for. */
export const isAsked = ({ peers }: Options, name: PeerName): boolean =>
  peers.includes(name === "ours-jit" || name === "ours-nats" ? "ours" : name)

/** Runs some peers, those that were asked for, and ends them whatever happens. */
export const contest = async <A>(
  context: Context,
  names: ReadonlyArray<PeerOnPostgres>,
  use: (contestants: ReadonlyArray<Contestant>) => Promise<A>
): Promise<A> => {
  const server = await context.server()
  const contestants: Array<Contestant> = []
  const databases: Array<Database> = []
  try {
    for (const name of names.filter((one) => isAsked(context.options, one))) {
      const database = await server.create()
      databases.push(database)
      contestants.push({ name, child: await startPeer(name, database.url), database })
    }
    return await use(contestants)
  } finally {
    for (const { child } of contestants) await child.close()
    for (const database of databases) await database.drop()
  }
}

/** Says on the error output what is being measured; the tables come on the standard output. */
export const progress = (what: string): void => void process.stderr.write(`… ${what}\n`)
