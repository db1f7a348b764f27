// One row of a read model. Parameters: $1 key.
import type { Layout } from "../readModelTable.ts"
import { rowColumns, tableOf } from "../readModelTable.ts"

/** Columns: key, position, row as JSON text, one for each index. */
export const getRow = (schema: string, layout: Layout): string => `
SELECT ${rowColumns(layout)}
FROM ${tableOf(schema, layout)}
WHERE key = $1::text`
