// appendFailures: what a failed statement says about the append that it carried.
import type { SqlError } from "effect/sql/SqlError"
import { sqlState } from "./sqlErrors.ts"

/** Whether the connection or the server failed, and not what was asked of it. */
export const isConnection = (error: SqlError): boolean => {
  const state = sqlState(error)
  return state === undefined ? error.reason._tag === "ConnectionError" : /^(08|53|57|58)/.test(state)
}

/** Whether what failed here may have been stored: the answer of a COMMIT never came. */
export const mayBeStored = (error: SqlError): boolean => {
  const state = sqlState(error)
  return state === undefined || /^(08|57)/.test(state)
}
