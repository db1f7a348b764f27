// Rows of a read model that meet conditions, in order. Parameters: as the conditions number them.
import { identifier } from "../Database.ts"
import type { Layout } from "../readModelTable.ts"
import { rowColumns, tableOf } from "../readModelTable.ts"

/** What a list asks for, in SQL. */
export interface Selection {
  readonly conditions: ReadonlyArray<string>
  /** The column to order by before the key. */
  readonly column: string | undefined
  readonly direction: "asc" | "desc"
  readonly limit: number
}

/** Columns: key, position, row as JSON text, one for each index. Planned anew each time, as the values need it. */
export const listRows = (schema: string, layout: Layout, selection: Selection): string => {
  const { column, conditions, direction, limit } = selection
  const order = column === undefined ? "" : `${identifier(column)} ${direction}, `
  return `
SELECT ${rowColumns(layout)}
FROM ${tableOf(schema, layout)}
${conditions.length === 0 ? "" : `WHERE ${conditions.join("\n  AND ")}`}
ORDER BY ${order}key ${direction}
LIMIT ${Number.isFinite(limit) ? Math.max(0, Math.trunc(limit)) : "ALL"}`
}
