// Some rows of a read model. Parameters: $1 keys.
import type { Layout } from "../readModelTable.ts"
import { rowColumns, tableOf } from "../readModelTable.ts"

/**
 * Columns: key, position, row as JSON text, one for each index.
 *
 * Key by key, so that no size of the table and no statistics make the planner look through all of it; planned anew each
 * time, since a plan that was made while the table was small would stay.
 */
export const getRows = (schema: string, layout: Layout): string => `
SELECT ${rowColumns(layout)}
FROM unnest($1::text[]) AS wanted ("the key asked for")
CROSS JOIN LATERAL (SELECT * FROM ${tableOf(schema, layout)} WHERE key = "the key asked for" LIMIT 1) AS found`
