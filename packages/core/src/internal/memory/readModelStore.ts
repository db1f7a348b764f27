// The read model store in memory: a map of rows for each table; queries select from it.
import * as Effect from "effect/Effect"
import { ReadModelStore, select } from "../../ReadModelStore.ts"
import type { EncodedRow, Table } from "../../ReadModelStore.ts"
import * as Transaction from "./transaction.ts"

/** A new, empty store. */
export const make = (): ReadModelStore["Service"] => {
  const tables = new Map<string, Map<string, EncodedRow>>()
  const id = (table: Table): string => JSON.stringify([table.name, table.version])
  const rowsOf = (table: Table): Map<string, EncodedRow> => {
    const rows = tables.get(id(table)) ?? new Map<string, EncodedRow>()
    tables.set(id(table), rows)
    return rows
  }

  return ReadModelStore.of({
    capabilities: { atomicBatch: true },
    get: (table, keys) =>
      Effect.sync(() => {
        const rows = rowsOf(table)
        return keys.flatMap((key) => rows.get(key) ?? [])
      }),
    apply: (table, rows) =>
      Transaction.write(() => {
        const stored = rowsOf(table)
        for (const row of rows) {
          const older = stored.get(row.key)
          if (older !== undefined && older.position > row.position) continue
          // Rows and checkpoint move together here, so a removed row needs no tombstone.
          if (row.row === undefined) stored.delete(row.key)
          else stored.set(row.key, row)
        }
      }),
    list: (table, query) => Effect.sync(() => select(rowsOf(table).values(), query)),
    drop: (table) => Transaction.write(() => void tables.delete(id(table))),
    swap: (one, other) =>
      Transaction.write(() => {
        const [first, second] = [rowsOf(one), rowsOf(other)]
        tables.set(id(one), second).set(id(other), first)
      })
  })
}
