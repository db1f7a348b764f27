// The PostgreSQL server that all peers are measured on, and fresh databases of it.
import { Client } from "pg"
import { startEmbedded } from "./embedded.ts"

/** A database of its own for one peer, as the benchmark sees it. */
export interface Database {
  readonly url: string
  /** Runs a statement; the first column of the first row as a number, where it gives one. */
  readonly number: (sql: string) => Promise<number>
  /** Brings what was loaded to rest: statistics, visibility, everything on disk. */
  readonly settle: () => Promise<void>
  readonly drop: () => Promise<void>
}

/** The server. */
export interface Server {
  /** Its version and the settings that decide what is measured. */
  readonly description: string
  readonly create: () => Promise<Database>
  /** Drops what was not dropped, and stops a server that was started here. */
  readonly close: () => Promise<void>
}

const connect = async (url: string): Promise<Client> => {
  const client = new Client({ connectionString: url })
  // A database that is dropped, or a server that stops, ends its connections: that is no failure of the benchmark.
  client.on("error", () => {})
  await client.connect()
  return client
}

const settings = ["shared_buffers", "max_wal_size", "fsync", "full_page_writes", "synchronous_commit"]

const describe = async (admin: Client): Promise<string> => {
  const { rows } = await admin.query<{ readonly name: string; readonly value: string }>(
    "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY ($1) ORDER BY array_position($1, name)",
    [["server_version", ...settings]]
  )
  return rows
    .map(({ name, value }) => (name === "server_version" ? `PostgreSQL ${value}` : `${name} ${value}`))
    .join(", ")
}

const open = async (url: string, drop: () => Promise<void>): Promise<Database> => {
  const client = await connect(url)
  const number = async (sql: string): Promise<number> => {
    const { rows } = await client.query<Array<unknown>>({ text: sql, rowMode: "array" })
    return Number(rows[0]?.[0])
  }
  return {
    url,
    number,
    settle: async () => {
      await client.query("VACUUM (ANALYZE)")
      await client.query("CHECKPOINT")
    },
    drop: async () => {
      await client.end()
      await drop()
    }
  }
}

// About two gigabytes.
const worn = `CREATE TABLE worn (filler text);
  INSERT INTO worn SELECT repeat(md5(i::text), 30) FROM generate_series(1, 1800000) i;
  DROP TABLE worn; CHECKPOINT`

/**
 * Brings a new server to where one in use is: files of WAL to write over instead of new ones to fill with zeros, and its
 * memory touched. Else half of what a commit of many events costs would be what a server pays once.
 */
const wearIn = async (admin: Client): Promise<void> => {
  for (const statement of worn.split(";")) await admin.query(statement)
}

/** The server at `DATABASE_URL`, whose user must be allowed to create databases, or one that is started here, and worn in. */
export const start = async ({ isWorn }: { readonly isWorn: boolean }): Promise<Server> => {
  const given = process.env["DATABASE_URL"]
  const embedded = given === undefined ? await startEmbedded() : undefined
  const url = given ?? embedded?.url ?? ""
  const admin = await connect(url)
  if (embedded !== undefined && isWorn) await wearIn(admin)
  const prefix = `evolvent_bench_${process.pid}_`
  let databases = 0
  const dropLeft = async () => {
    const left = await admin.query<{ readonly name: string }>(
      "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)",
      [prefix]
    )
    for (const { name } of left.rows) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
  }
  return {
    description: await describe(admin),
    create: async () => {
      const name = `${prefix}${databases++}`
      await admin.query(`CREATE DATABASE ${name}`)
      const at = new URL(url)
      at.pathname = `/${name}`
      return open(at.href, async () => void (await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)))
    },
    close: async () => {
      if (embedded === undefined) await dropLeft()
      await admin.end()
      await embedded?.stop()
    }
  }
}
