// appendRefusals: how appends end that never reach the database, or whose answer nobody waits for any more.
import { ConnectionError, SqlError } from "effect/sql/SqlError"

/** An append that was not taken, and may be later. */
export const refused = (problem: string): SqlError =>
  new SqlError({ reason: new ConnectionError({ cause: new Error(problem), message: problem, operation: "append" }) })

/** What an append ends with that the store's end has overtaken. */
export const closed = (): SqlError =>
  refused("the event store was closed before it was known that the append is stored")
