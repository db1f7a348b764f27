// A query in SQL: conditions and where the page begins, with values that no row can have turned into ones that compare alike.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import type { Condition, IndexKind, IndexValue, Query } from "evolvent/ReadModelStore"
import { identifier } from "./Database.ts"
import type { Column, Layout } from "./readModelTable.ts"
import { array, arrayOf, asStored, bigintText, earliest, sentAs } from "./readModelTableColumn.ts"
import { textProblem } from "./readModelTableLimits.ts"
import type { Selection } from "./sql/listRows.ts"

type Comparison = "gt" | "gte" | "lt" | "lte"

const signs: { readonly [comparison in Comparison]: string } = { gt: ">", gte: ">=", lt: "<", lte: "<=" }

/** Adds a parameter, and gives what stands for it. */
type Parameter = (value: PgTypes.Parameter, type: string) => string

/** What a list asks for, and its parameters; undefined when no row can match. */
export const select = (
  layout: Layout,
  query: Query
): { readonly selection: Selection; readonly params: ReadonlyArray<unknown> } | undefined => {
  const params: Array<unknown> = []
  const conditions: Array<string> = []
  const columnOf = (field: string) => layout.columns.find((column) => column.field === field)
  const parameter: Parameter = (value, type) => `$${params.push(value)}::${type}`

  for (const condition of query.where) {
    const column = columnOf(condition.field)
    if (column === undefined) return undefined
    // An invalid date compares with nothing.
    if (condition.op !== "in" && Number.isNaN(condition.value)) return undefined
    conditions.push(conditionOf(column, condition, parameter))
  }
  const by = query.orderBy === undefined ? undefined : columnOf(query.orderBy)
  if (query.orderBy !== undefined && by === undefined) return undefined
  if (query.after !== undefined) {
    const { key, value } = query.after
    const behind = query.direction === "asc" ? "gt" : "lt"
    const last = bound(behind, key)
    const lastKey = () => parameter(PgTypes.text(last.value), "text")
    if (by === undefined || value === undefined) conditions.push(`key ${signs[last.op]} ${lastKey()}`)
    else {
      const name = identifier(by.column)
      const first = scalar(by.kind, behind, value, parameter)
      // Behind a value that no row has, the key says nothing more.
      conditions.push(
        first.exact
          ? `(${name}, key) ${signs[last.op]} (${first.sql}, ${lastKey()})`
          : `${name} ${signs[first.op]} ${first.sql}`
      )
    }
  }
  const { direction, limit } = query
  return { selection: { conditions, column: by?.column, direction, limit }, params }
}

const conditionOf = ({ column, kind }: Column, condition: Condition, parameter: Parameter): string => {
  const name = identifier(column)
  if (condition.op !== "in") {
    const { op, sql } = scalar(kind, condition.op, condition.value, parameter)
    return `${name} ${signs[op]} ${sql}`
  }
  const values = condition.values.filter((value) => isStorable(kind, value))
  const [only] = values
  // One value is an equality, behind which the index still has the keys in order.
  if (values.length === 1 && only !== undefined) return `${name} = ${scalar(kind, "gte", only, parameter).sql}`
  const sent = parameter(arrayOf(kind, values), `${sentAs(kind)}[]`)
  const stored = asStored(kind, "value")
  return `${name} = ANY (${stored === "value" ? sent : `ARRAY(SELECT ${stored} FROM unnest(${sent}) AS value)`})`
}

const isStorable = (kind: IndexKind, value: IndexValue): boolean =>
  kind === "string"
    ? typeof value === "string" && textProblem(value) === undefined
    : kind === "instant"
      ? Number.isInteger(value) && Number(value) >= earliest
      : kind !== "bigint" || (typeof value === "bigint" && !bigintText(value).endsWith("Infinity"))

/** A value to compare with, in SQL; `exact` unless another one stands for it. */
const scalar = (
  kind: IndexKind,
  op: Comparison,
  value: IndexValue,
  parameter: Parameter
): { readonly op: Comparison; readonly sql: string; readonly exact: boolean } => {
  const sent = (sentValue: PgTypes.Parameter) => asStored(kind, parameter(sentValue, sentAs(kind)))
  switch (kind) {
    case "string": {
      const other = bound(op, String(value))
      return { op: other.op, sql: sent(PgTypes.text(other.value)), exact: other.value === value }
    }
    case "number":
      return { op, sql: sent(PgTypes.float8(Number(value))), exact: true }
    case "boolean":
      return { op, sql: sent(PgTypes.bool(value === true)), exact: true }
    case "bigint":
      return { op, sql: sent(PgTypes.text(bigintText(BigInt(value)))), exact: true }
    case "instant": {
      const whole = Math.floor(Number(value))
      if (whole < earliest) return { op, sql: "timestamptz '-infinity'", exact: true }
      // Rows have whole milliseconds: between two of them lies what is behind the first.
      const between = whole === value ? op : op === "gt" || op === "gte" ? "gt" : "lte"
      return { op: between, sql: sent(PgTypes.int8(BigInt(whole))), exact: whole === value }
    }
  }
}

/**
 * A comparison with a text that no row can hold, as one with a text that can be sent.
 *
 * Among texts without NUL, what lies behind "a\0b" lies behind "a", which itself lies before it. And half of a
 * surrogate pair lies behind all texts that go on with less than U+E000.
 */
const bound = (op: Comparison, text: string): { readonly op: Comparison; readonly value: string } => {
  const at = firstUnstorable(text)
  if (at === undefined) return { op, value: text }
  const upwards = op === "gt" || op === "gte"
  const before = text.slice(0, at)
  return text[at] === "\u0000"
    ? { op: upwards ? "gt" : "lte", value: before }
    : { op: upwards ? "gte" : "lt", value: `${before}\ue000` }
}

const firstUnstorable = (text: string): number | undefined => {
  if (textProblem(text) === undefined) return undefined
  let at = 0
  for (const character of text) {
    if (textProblem(character) !== undefined) return at
    at += character.length
  }
  return undefined
}

/** Keys as one parameter, without those that no row can have. */
export const keysOf = (keys: ReadonlyArray<string>): PgTypes.Parameter =>
  array(
    keys.some((key) => textProblem(key) !== undefined) ? keys.filter((key) => textProblem(key) === undefined) : keys,
    "text"
  )
