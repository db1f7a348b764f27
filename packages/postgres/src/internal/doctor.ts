// doctor: which settings of the server and the schema can lose what was committed or hold readers up, and what to change.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Database } from "./Database.ts"
import { current, versionOf } from "./migrations.ts"
import { facts as factsStatement } from "./sql/facts.ts"

/** What is wrong: "broken" where the store cannot be used, "loses" where what was committed can be gone, or a "risk". */
export interface Finding {
  readonly level: "broken" | "loses" | "risk"
  /** "server", or the schema. */
  readonly where: string
  readonly setting: string
  readonly problem: string
  readonly remedy: string
}

/** What is known of a store, and what is wrong with it. */
export interface Examined {
  /** The server's version, as in "18.4". */
  readonly version: string
  readonly database: string
  readonly role: string
  /** What the role may do: migrate, append, read, or nothing. */
  readonly rights: "owner" | "writer" | "reader" | "none"
  readonly schema: string
  /** The version of the schema, 0 where it was never migrated, and the one that this code was written for. */
  readonly schemaVersion: number
  readonly neededVersion: number
  readonly connections: { readonly used: number; readonly max: number }
  readonly findings: ReadonlyArray<Finding>
}

interface Facts {
  readonly known: Omit<Examined, "findings">
  readonly versionNumber: number
  readonly settings: ReadonlyMap<string, string>
  readonly isReplica: boolean
  readonly prepared: number
}

/** The settings that are off and lose what was committed. */
const losing: ReadonlyArray<readonly [setting: string, problem: string, remedy: string]> = [
  ["fsync", "a crash of the machine can destroy the whole database", "set fsync = on"],
  ["full_page_writes", "a crash of the machine can leave torn pages behind", "set full_page_writes = on"],
  [
    "synchronous_commit",
    "a crash loses what was committed in the last moments, and processors stand before events that are gone",
    "set synchronous_commit = on, at least for this role and database"
  ]
]

const ofSchema = ({ isReplica, known }: Facts): ReadonlyArray<Finding> => {
  const { neededVersion, rights, role, schema, schemaVersion } = known
  const found: Array<Finding> = []
  const where = `schema ${schema}`
  const say = (level: Finding["level"], setting: string, problem: string, remedy: string) =>
    found.push({ level, where, setting, problem, remedy })
  if (schemaVersion === 0) {
    say(
      "broken",
      "version",
      `it was never migrated, or ${role} may not look into it`,
      "look whether this is the schema that was meant; migrate as the role that is to own it: `evolvent migrate`"
    )
    return found
  }
  if (schemaVersion < neededVersion) {
    say(
      "broken",
      `version ${schemaVersion}`,
      `this code needs version ${neededVersion}`,
      "migrate as the owner: `evolvent migrate`"
    )
  }
  if (schemaVersion > neededVersion + 1) {
    const problem = `this code knows version ${neededVersion} and runs on ${neededVersion + 1} at most`
    say("broken", `version ${schemaVersion}`, problem, "take a newer version of evolvent")
  }
  if (rights === "none") {
    const problem = `the role ${role} may not even read its events`
    say("broken", `role ${role}`, problem, "grant it what a reader or a writer needs, as after every migration")
  }
  if (isReplica)
    say("risk", "replica", "the server is read-only: nothing can be appended here", "connect to the primary")
  return found
}

const ofServer = ({ known, prepared, settings, versionNumber }: Facts): ReadonlyArray<Finding> => {
  const { connections, version } = known
  const found: Array<Finding> = []
  const say = (level: Finding["level"], setting: string, problem: string, remedy: string) =>
    found.push({ level, where: "server", setting, problem, remedy })
  if (versionNumber < 150_000) {
    say("risk", `version ${version}`, "nothing before PostgreSQL 15 is tested", "upgrade to 15 or later")
  }
  for (const [setting, problem, remedy] of losing) {
    if (settings.get(setting) === "off") say("loses", `${setting}: off`, problem, remedy)
  }
  if (settings.get("idle_in_transaction_session_timeout") === "0") {
    say(
      "risk",
      "idle_in_transaction_session_timeout: 0",
      "a program that hangs in a transaction with an append holds all readers up for as long as it hangs",
      "set it to a minute or so for the roles that append"
    )
  }
  if (connections.used > connections.max * 0.8) {
    const setting = `max_connections: ${connections.max}`
    say("risk", setting, `${connections.used} connections are in use`, "make the pools smaller, or raise it")
  }
  if (prepared > 0) {
    const problem = `${prepared} prepared transaction${prepared === 1 ? " is" : "s are"} open and hold locks, maybe readers too`
    say("risk", "pg_prepared_xacts", problem, "commit or roll back what nobody finishes")
  }
  return found
}

/** Looks at a store and its server, and changes nothing. */
export const examine = (db: Database, schema: string): Effect.Effect<Examined, SqlError> =>
  Effect.gen(function* () {
    const schemaVersion = yield* versionOf(db)
    const [row = []] = yield* db.run(factsStatement, [PgTypes.text(schema)])
    const [version, versionNumber, database, role, rights, isReplica, prepared, used, max, ...values] = row
    const names = ["fsync", "full_page_writes", "synchronous_commit", "idle_in_transaction_session_timeout"]
    const known = {
      version: String(version).split(" ")[0] ?? "",
      database: String(database),
      role: String(role),
      rights: rights === "owner" || rights === "writer" || rights === "reader" ? rights : "none",
      schema,
      schemaVersion,
      neededVersion: current,
      connections: { used: Number(used), max: Number(max) }
    } as const
    const facts: Facts = {
      known,
      versionNumber: Number(versionNumber),
      isReplica: isReplica === true,
      prepared: Number(prepared),
      settings: new Map(names.map((name, i) => [name, String(values[i])]))
    }
    return { ...known, findings: [...ofSchema(facts), ...ofServer(facts)] }
  })
