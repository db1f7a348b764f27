// Writes rows of a read model, each unless what is stored is from a later position.
// Parameters: $1 keys, $2 positions, $3 rows as JSON text, $4… the values of each index.
import { identifier } from "../Database.ts"
import { asStored, sentAs } from "../readModelTableColumn.ts"
import type { Layout } from "../readModelTable.ts"
import { tableOf } from "../readModelTable.ts"

/** No columns. In order of the keys, so that two who write the same rows wait for each other and not in a circle. */
export const upsertRows = (schema: string, layout: Layout, condition = "true"): string => {
  const columns = layout.columns.map(({ column, kind }, i) => ({
    name: identifier(column),
    given: `c${i}`,
    parameter: `$${i + 4}::${sentAs(kind)}[]`,
    value: asStored(kind, `given.c${i}`)
  }))
  const each = (of: (column: (typeof columns)[number]) => string): string =>
    columns.map((column) => `, ${of(column)}`).join("")
  return `
INSERT INTO ${tableOf(schema, layout)} AS held (key, position, row${each(({ name }) => name)})
SELECT given.key, given.position, given.row::json${each(({ value }) => value)}
FROM unnest($1::text[], $2::bigint[], $3::text[]${each(({ parameter }) => parameter)})
  AS given (key, position, row${each(({ given }) => given)})
WHERE ${condition}
ORDER BY given.key COLLATE "C"
ON CONFLICT (key) DO UPDATE
SET position = excluded.position, row = excluded.row${each(({ name }) => `${name} = excluded.${name}`)}
WHERE held.position <= excluded.position`
}
