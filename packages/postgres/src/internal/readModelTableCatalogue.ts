// Which table holds a projection's version: looked up in the catalogue, created when it is first written, remembered.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import { Unavailable, Unsupported } from "evolvent/EventStoreError"
import { ReadModelStoreError } from "evolvent/ReadModelStore"
import type { Table } from "evolvent/ReadModelStore"
import type { Database, Values } from "./Database.ts"
import { columnsOf, difference, namesOf } from "./readModelTable.ts"
import type { Layout } from "./readModelTable.ts"
import { array } from "./readModelTableColumn.ts"
import { textProblem } from "./readModelTableLimits.ts"
import { createReadModel } from "./sql/createReadModel.ts"
import { dropReadModel } from "./sql/dropReadModel.ts"
import { findReadModel } from "./sql/findReadModel.ts"
import { getRow } from "./sql/getRow.ts"
import { getRows } from "./sql/getRows.ts"
import { replaceRows } from "./sql/replaceRows.ts"
import { swapReadModels } from "./sql/swapReadModels.ts"
import { upsertRows } from "./sql/upsertRows.ts"
import { explain, sqlState } from "./sqlErrors.ts"

/** A table, and the statements on it that are always the same. */
export interface Opened {
  readonly layout: Layout
  readonly getRow: string
  readonly getRows: string
  readonly upsertRows: string
  readonly replaceRows: string
}

/** The tables of a database. */
export interface ReadModelTables {
  /** The table of a projection's version, or undefined when nothing was ever written. */
  readonly find: (operation: string, table: Table) => Effect.Effect<Opened | undefined, ReadModelStoreError>
  /** The same, created where there is none. */
  readonly ensure: (operation: string, table: Table) => Effect.Effect<Opened, ReadModelStoreError>
  readonly drop: (operation: string, table: Table) => Effect.Effect<void, ReadModelStoreError>
  /** Exchanges the rows of two, created where there are none. */
  readonly swap: (operation: string, one: Table, other: Table) => Effect.Effect<void, ReadModelStoreError>
  /** Forgets a table that turned out to be gone. */
  readonly forget: (table: Table) => void
}

/** The error of an operation on read models, from what the server or the client said. */
export const failed = (operation: string, error: SqlError): ReadModelStoreError => {
  const { isRetryable, problem } = explain(error)
  return new ReadModelStoreError({
    operation,
    reason: isRetryable
      ? new Unavailable({ problem, cause: error })
      : new Unsupported({ feature: `this call: ${problem}` })
  })
}

/** Whether a statement failed because its table, or a column of it, is not there. */
export const isGone = (error: SqlError): boolean => {
  const state = sqlState(error)
  return state === "42P01" || state === "42703"
}

/** A table that was dropped in the middle of a transaction: the next one finds it gone, or creates it. */
export const vanished = (operation: string, { name, version }: Table, cause: SqlError): ReadModelStoreError => {
  const problem = `the table of version ${version} of "${name}" was dropped meanwhile, and the transaction is over`
  return new ReadModelStoreError({ operation, reason: new Unavailable({ problem, cause }) })
}

const decodeColumns = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Array(
      Schema.Struct({
        field: Schema.String,
        kind: Schema.Literals(["string", "number", "boolean", "bigint", "instant"]),
        column: Schema.String
      })
    )
  )
)

/** The tables of a database; those that exist are remembered, so that only the first call asks the catalogue. */
export const make = (db: Database): ReadModelTables => {
  const { run, schema, sql } = db
  const statements = {
    create: createReadModel(schema),
    drop: dropReadModel(schema),
    find: findReadModel(schema),
    swap: swapReadModels(schema)
  }
  const known = new Map<string, Opened>()
  const idOf = ({ name, version }: Table): string => `${version}@${name}`

  const open = (layout: Layout): Opened => ({
    layout,
    getRow: getRow(schema, layout),
    getRows: getRows(schema, layout),
    upsertRows: upsertRows(schema, layout),
    replaceRows: replaceRows(schema, layout)
  })

  /** Checks that a table is what the definition says. */
  const fitting = (operation: string, table: Table, opened: Opened): Effect.Effect<Opened, ReadModelStoreError> => {
    const changed = difference(opened.layout, table)
    return changed === undefined
      ? Effect.succeed(opened)
      : unsupported(
          operation,
          `other indexes for the same version of a read model: version ${table.version} of "${table.name}" is kept in ` +
            `the table ${opened.layout.name}; ${changed}. Give the projection a new version, so that its rows are built anew`
        )
  }

  /** Remembers a table once it is sure to stay: one that was created in a transaction may be rolled back with it. */
  const remember = (operation: string, table: Table, [row]: ReadonlyArray<Values>) =>
    Effect.gen(function* () {
      if (row === undefined) return undefined
      const columns = decodeColumns(row[1])
      if (Option.isNone(columns)) {
        return yield* unsupported(
          operation,
          `the indexes that the catalogue has for "${table.name}": ${String(row[1])}`
        )
      }
      const opened = open({ name: String(row[0]), columns: columns.value })
      yield* sql.afterCommit(
        Effect.sync(() => {
          known.set(idOf(table), opened)
        })
      )
      return yield* fitting(operation, table, opened)
    })

  const parameters = ({ name, version }: Table) => [PgTypes.text(name), PgTypes.int8(BigInt(version))]

  const find = (operation: string, table: Table): Effect.Effect<Opened | undefined, ReadModelStoreError> =>
    Effect.suspend(() => {
      const opened = known.get(idOf(table))
      // One that does not fit may have been replaced since: it is looked up again.
      if (opened !== undefined && difference(opened.layout, table) === undefined) return Effect.succeed(opened)
      const problem = nameProblem(table)
      if (problem !== undefined) return unsupported(operation, problem)
      return run(statements.find, parameters(table)).pipe(
        Effect.mapError((error) => failed(operation, error)),
        Effect.flatMap((rows) => remember(operation, table, rows))
      )
    })

  const create = Effect.fnUntraced(function* (operation: string, table: Table) {
    const columns = columnsOf(table.indexes)
    const rows = yield* Effect.mapError(
      run(statements.create, [
        ...parameters(table),
        array(namesOf(table), "text"),
        array(
          columns.map(({ field }) => field),
          "text"
        ),
        array(
          columns.map(({ column }) => column),
          "text"
        ),
        array(
          columns.map(({ kind }) => kind),
          "text"
        )
      ]),
      (error) => failed(operation, error)
    )
    const opened = yield* remember(operation, table, rows)
    return opened ?? (yield* unsupported(operation, `a create_read_model that gives no table for "${table.name}"`))
  })

  const ensure = (operation: string, table: Table) =>
    Effect.flatMap(find(operation, table), (opened) =>
      opened === undefined ? create(operation, table) : Effect.succeed(opened)
    )

  /** Makes sure that there is a table, whatever its indexes are. */
  const exists = (operation: string, table: Table) =>
    Effect.flatMap(
      Effect.mapError(run(statements.find, parameters(table)), (error) => failed(operation, error)),
      ([row]) => (row === undefined ? create(operation, table) : Effect.void)
    )

  return {
    find,
    ensure,
    swap: (operation, one, other) =>
      Effect.gen(function* () {
        yield* exists(operation, one)
        yield* exists(operation, other)
        const params = [...parameters(one), ...parameters(other)]
        yield* Effect.mapError(run(statements.swap, params), (error) => failed(operation, error))
        // Their indexes may differ: they are looked up again.
        yield* sql.afterCommit(
          Effect.sync(() => {
            known.delete(idOf(one))
            known.delete(idOf(other))
          })
        )
      }),
    drop: (operation, table) =>
      Effect.suspend(() => {
        known.delete(idOf(table))
        if (nameProblem(table) !== undefined) return Effect.void
        return Effect.mapError(Effect.asVoid(run(statements.drop, parameters(table))), (error) =>
          failed(operation, error)
        )
      }),
    forget: (table) => void known.delete(idOf(table))
  }
}

const unsupported = (operation: string, feature: string) =>
  Effect.fail(new ReadModelStoreError({ operation, reason: new Unsupported({ feature }) }))

const nameProblem = ({ indexes, name }: Table): string | undefined => {
  const problem = textProblem(name)
  if (problem !== undefined) return `a projection whose name ${problem}`
  const field = indexes.find((index) => textProblem(index.field) !== undefined)?.field
  return field === undefined ? undefined : `an index on a field whose name ${textProblem(field)}`
}
