// What an SqlError means for the caller of a store: in words, and whether the same call may go through later.
import type { SqlError } from "effect/sql/SqlError"
import { InvalidRequest, Unavailable } from "evolvent/EventStoreError"

/** What happened, what to do, and whether waiting is enough. */
export interface Explained {
  readonly problem: string
  readonly isRetryable: boolean
}

/** The SQLSTATE of a failure that the server reported; undefined where there was no answer. */
export const sqlState = (error: SqlError): string | undefined => serverError(error)?.code

interface ServerError {
  readonly code: string
  readonly message: string
}

// An error of the socket has a code as well; only the server says how severe it is.
const serverError = ({ reason: { cause } }: SqlError): ServerError | undefined =>
  cause instanceof Error && "severity" in cause && "code" in cause && typeof cause.code === "string"
    ? { code: cause.code, message: cause.message }
    : undefined

/** An SqlError in words that say what to do. */
export const explain = (error: SqlError): Explained => {
  const server = serverError(error)
  if (server === undefined) {
    const { cause } = error.reason
    const detail = cause instanceof Error && cause.message !== "" ? cause.message : error.message
    return error.reason._tag === "ConnectionError"
      ? retryable(
          `PostgreSQL cannot be reached, or the connection was lost (${detail}); whether a COMMIT that was on its way ` +
            `took effect is then not known here`
        )
      : final(`the PostgreSQL client refused the statement: ${detail}`)
  }
  const meaning = meanings.find(([prefix]) => server.code.startsWith(prefix))
  const [, isRetryable, words] = meaning ?? ["", false, "PostgreSQL refused the statement"]
  return { problem: `${words} (${server.code}: ${server.message})`, isRetryable }
}

const retryable = (problem: string): Explained => ({ problem, isRetryable: true })
const final = (problem: string): Explained => ({ problem, isRetryable: false })

const notMigrated =
  "the schema does not have what this version of the library needs: it was never migrated, or is of another version. " +
  "Run the migrations with the owner's role, and look which schema the layer was given"

// The first that begins a code wins, so what is special comes before its class.
const meanings: ReadonlyArray<readonly [prefix: string, isRetryable: boolean, words: string]> = [
  ["42P01", false, notMigrated],
  ["42703", false, notMigrated],
  ["42883", false, notMigrated],
  ["3F000", false, notMigrated],
  ["3D000", false, "there is no such database on this server"],
  [
    "42501",
    false,
    "the role that this process signs in with lacks a right that this call needs: readers only read, writers also append " +
      "and keep read models; migrations, imports and the removal of streams are the owner's. Sign in with the role for it, " +
      "or grant each role what it needs, as after every migration (Postgres.roles, or sql/grants.sql)"
  ],
  ["28", false, "PostgreSQL does not let this role sign in: look at its name, its password and pg_hba.conf"],
  ["57P01", true, "the server ended the session: it shuts down, or somebody ended it"],
  ["57P02", true, "the server crashed and recovers"],
  ["57P03", true, "the server does not take connections yet, or not any more"],
  ["57014", true, "the statement was cancelled, by statement_timeout or by somebody"],
  ["57", true, "the server ended the session"],
  ["53300", true, "the server has no connection left: raise max_connections, or make the pools smaller"],
  ["53100", true, "the server's disk is full"],
  ["53", true, "the server is short of resources"],
  ["08", true, "the connection to the server failed"],
  ["40001", true, "a concurrent transaction changed the same rows, and this isolation level does not allow both"],
  ["40P01", true, "two transactions waited for each other, and the server ended this one"],
  ["40", true, "the server rolled the transaction back"],
  ["55P03", true, "somebody held a lock for longer than lock_timeout"],
  [
    "2BP01",
    false,
    "something depends on the table that was to be dropped, most often a view: drop that first; after a rebuild it shows the " +
      "former rows and has to be made anew"
  ],
  ["55006", true, "somebody is using what this call needs for itself"],
  ["25P03", true, "the transaction was idle for longer than idle_in_transaction_session_timeout"],
  ["25006", true, "the server is read-only: a replica, or a primary that was demoted"],
  [
    "25P02",
    false,
    "a statement before this one failed in the same transaction, and its error was swallowed. Let it through, or run " +
      "what may fail in a sql.withTransaction of its own, which is a savepoint"
  ],
  // A plan or a prepared statement that is gone, within a transaction, where the client cannot prepare it again.
  ["0A000", true, "PostgreSQL refused the statement as it was prepared"],
  ["26000", true, "the prepared statement is gone: a pooler gave the session to somebody else"],
  ["58", true, "the server had trouble with its files"],
  ["XX000", true, "the server met an internal error"]
]

/** Why a call did not go through; the server's error is the cause where waiting may help, and in the words where not. */
export const reasonOf = (error: SqlError): Unavailable | InvalidRequest => {
  const { isRetryable, problem } = explain(error)
  return isRetryable ? new Unavailable({ problem, cause: error }) : new InvalidRequest({ problem })
}

/** Whether it was the connection that failed, and not the statement on it. */
export const isConnection = (error: SqlError): boolean => {
  const state = sqlState(error)
  return state === undefined ? error.reason._tag === "ConnectionError" : /^(08|57P|53300)/.test(state)
}

/** Whether a statement that was its own transaction may have committed although it failed here: its answer was lost. */
export const mayBeStored = (error: SqlError): boolean => {
  const state = sqlState(error)
  return state === undefined || /^(08|57P|40003|XX)/.test(state)
}
