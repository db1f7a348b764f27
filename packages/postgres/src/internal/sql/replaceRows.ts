// Writes rows of a read model and removes others, each unless what is stored is from a later position.
// Parameters: those of upsertRows, then the keys to remove and their positions.
import type { Layout } from "../readModelTable.ts"
import { tableOf } from "../readModelTable.ts"
import { upsertRows } from "./upsertRows.ts"

/**
 * No columns. First all rows are locked in order of their keys, then those that go are deleted, then the others are
 * written: each step counts what the one before it did, and so waits for the whole of it.
 */
export const replaceRows = (schema: string, layout: Layout): string => {
  const keys = `$${layout.columns.length + 4}::text[]`
  const positions = `$${layout.columns.length + 5}::bigint[]`
  const table = tableOf(schema, layout)
  return `
WITH locked AS (
  SELECT key FROM ${table} WHERE key = ANY ($1::text[] || ${keys}) ORDER BY key FOR UPDATE
), removed AS (
  DELETE FROM ${table} AS held
  USING unnest(${keys}, ${positions}) AS gone (key, position)
  WHERE held.key = gone.key AND held.position <= gone.position AND (SELECT count(*) FROM locked) >= 0
  RETURNING held.key
)
${upsertRows(schema, layout, "(SELECT count(*) FROM removed) >= 0").trim()}`
}
