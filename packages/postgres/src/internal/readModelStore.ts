// The read model store: a table for each version of a projection, with typed columns that people can query by SQL.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { SqlError } from "effect/sql/SqlError"
import * as Position from "evolvent/Position"
import { ReadModelStore, ReadModelStoreError, UnstorableRow } from "evolvent/ReadModelStore"
import type { EncodedRow, IndexValue, Table } from "evolvent/ReadModelStore"
import type { Database, Values } from "./Database.ts"
import type { Layout } from "./readModelTable.ts"
import * as Tables from "./readModelTableCatalogue.ts"
import type { Opened } from "./readModelTableCatalogue.ts"
import { array, arrayOf, valueOf } from "./readModelTableColumn.ts"
import { textProblem } from "./readModelTableLimits.ts"
import { keysOf, select } from "./readModelTableQuery.ts"
import { rowProblem } from "./readModelTableRow.ts"
import { listRows } from "./sql/listRows.ts"

/** The read models of a database. */
export const make = (db: Database): ReadModelStore["Service"] => {
  const { run, schema, sql } = db
  const tables = Tables.make(db)

  // What depends on how large a table is, is planned for each call: a prepared plan from when it was empty would scan it.
  const runPlanned = (text: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Values>, SqlError> =>
    sql.unsafe(text, params).valuesUnprepared

  /**
   * Works on a table. One that was dropped since this process last saw it is looked up again, once; not within a
   * transaction, which such an error has ended.
   */
  const on = <A>(
    operation: string,
    table: Table,
    open: (operation: string, table: Table) => Effect.Effect<Opened | undefined, ReadModelStoreError>,
    absent: A,
    work: (opened: Opened) => Effect.Effect<A, SqlError | ReadModelStoreError>
  ): Effect.Effect<A, ReadModelStoreError> => {
    const attempt = Effect.flatMap(open(operation, table), (opened) =>
      opened === undefined ? Effect.succeed(absent) : work(opened)
    )
    return attempt.pipe(
      Effect.catchTag("SqlError", (error) => {
        if (!Tables.isGone(error)) return Effect.fail(error)
        tables.forget(table)
        return Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
          Option.isSome(transaction) ? Effect.fail(Tables.vanished(operation, table, error)) : attempt
        )
      }),
      Effect.catchTag("SqlError", (error) => Effect.fail(Tables.failed(operation, error)))
    )
  }

  const getOperation = "ReadModelStore.get"
  const applyOperation = "ReadModelStore.apply"
  const listOperation = "ReadModelStore.list"

  // Rows that come and go beneath two writers can still make these wait in a circle. Outside of a transaction the one that
  // the server ends is just repeated: what was written since from later positions stays.
  const settled = (statement: Effect.Effect<unknown, SqlError>): Effect.Effect<void, SqlError> =>
    Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
      Option.isSome(transaction)
        ? Effect.asVoid(statement)
        : Effect.asVoid(Effect.retry(statement, { while: isDeadlock, schedule: untangle }))
    )

  const write = (table: Table, rows: ReadonlyArray<EncodedRow>, opened: Opened) => {
    const problem = unstorable(opened.layout, table, rows, sql.config.maxMessageSize)
    if (problem !== undefined) return Effect.fail(problem)
    const written = rows.filter(({ row }) => row !== undefined)
    const params = [
      array(
        written.map(({ key }) => key),
        "text"
      ),
      array(
        written.map(({ position }) => BigInt(position)),
        "int8"
      ),
      array(
        written.map(({ row }) => row),
        "text"
      ),
      ...opened.layout.columns.map(({ field, kind }) =>
        arrayOf(
          kind,
          written.map(({ index }) => index[field])
        )
      )
    ]
    if (written.length === rows.length) return settled(run(opened.upsertRows, params))
    const removed = rows.filter(({ row }) => row === undefined)
    params.push(
      array(
        removed.map(({ key }) => key),
        "text"
      ),
      array(
        removed.map(({ position }) => BigInt(position)),
        "int8"
      )
    )
    return settled(runPlanned(opened.replaceRows, params))
  }

  return ReadModelStore.of({
    capabilities: { atomicBatch: true },
    get: (table, keys) => {
      if (keys.length === 0) return Effect.succeed([])
      return on(getOperation, table, tables.find, [], ({ getRow, getRows, layout }) => {
        const [only] = keys
        if (keys.length > 1 || only === undefined)
          return Effect.map(runPlanned(getRows, [keysOf([...new Set(keys)])]), decode(layout))
        if (textProblem(only) !== undefined) return Effect.succeed([])
        return Effect.map(run(getRow, [PgTypes.text(only)]), decode(layout))
      })
    },
    apply: (table, rows) => {
      if (rows.length === 0) return Effect.void
      const adds = rows.some(({ row }) => row !== undefined)
      // Nothing is created to remove from.
      return on(applyOperation, table, adds ? tables.ensure : tables.find, undefined, (opened) =>
        write(table, rows, opened)
      )
    },
    list: (table, query) =>
      on(listOperation, table, tables.find, [], ({ layout }) => {
        const asked = select(layout, query)
        if (asked === undefined) return Effect.succeed([])
        const text = listRows(schema, layout, asked.selection)
        return Effect.map(runPlanned(text, asked.params), decode(layout))
      }),
    drop: (table) => tables.drop("ReadModelStore.drop", table),
    swap: (one, other) => tables.swap("ReadModelStore.swap", one, other)
  })
}

const isDeadlock = ({ reason }: SqlError): boolean => reason._tag === "DeadlockError"

const untangle = Schedule.max([Schedule.jittered(Schedule.spaced("10 millis")), Schedule.recurs(10)])

const decode =
  ({ columns }: Layout) =>
  (rows: ReadonlyArray<Values>): ReadonlyArray<EncodedRow> =>
    rows.map((values) => {
      const index: Record<string, IndexValue> = {}
      columns.forEach(({ field, kind }, i) => {
        index[field] = valueOf(kind, values[i + 3])
      })
      return { key: String(values[0]), position: Position.make(Number(values[1])), row: String(values[2]), index }
    })

const unstorable = (
  layout: Layout,
  { name }: Table,
  rows: ReadonlyArray<EncodedRow>,
  maxMessageSize: number | undefined
): ReadModelStoreError | undefined => {
  for (const row of rows) {
    const problem = rowProblem(layout, row, maxMessageSize)
    if (problem === undefined) continue
    const reason = new UnstorableRow({ projection: name, key: row.key, problem })
    return new ReadModelStoreError({ operation: "ReadModelStore.apply", reason })
  }
  return undefined
}
