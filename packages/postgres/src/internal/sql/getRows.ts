// Some rows of a read model. Parameters: $1 keys.
import type { Layout } from "../readModelTable.ts"
import { rowColumns, tableOf } from "../readModelTable.ts"

/**
 * Columns: key, position, row as JSON text, one for each index.
 *
 * Planned anew each time: a plan made while the table was small would scan it for as long as the session lives.
 */
export const getRows = (schema: string, layout: Layout): string => `
SELECT ${rowColumns(layout)}
FROM ${tableOf(schema, layout)}
WHERE key = ANY ($1::text[])`
