// Options of a list as a store takes them, and what is wrong with those that did not come through the types.
import * as DateTime from "effect/DateTime"
import type { Condition, IndexKind, Table } from "../ReadModelStore.ts"
import { indexValue } from "./projection.ts"

const ranges = ["gt", "gte", "lt", "lte"] as const
const operators: ReadonlySet<string> = new Set(["in", ...ranges])

/** Why rows cannot be listed so, or undefined when they can. */
export const problemOf = (table: Table, options: object): string | undefined => {
  const { after, direction, limit, orderBy, where = {} }: { readonly [option: string]: unknown } = { ...options }
  const kinds = new Map(table.indexes.map(({ field, kind }) => [field, kind]))
  const fields = `the indexed fields are ${[...kinds.keys()].join(", ") || "none"}`
  if (orderBy !== undefined && !(typeof orderBy === "string" && kinds.has(orderBy))) {
    return `there is no order by ${JSON.stringify(orderBy)}; ${fields}`
  }
  if (direction !== undefined && direction !== "asc" && direction !== "desc") {
    return `the direction is "${String(direction)}", neither "asc" nor "desc"`
  }
  if (limit !== undefined && !Number.isFinite(limit)) return `the limit is ${String(limit)}, not a number`
  if (after !== undefined && typeof after !== "string") return `the cursor in "after" is no text`
  if (!isOperators(where)) return `"where" is no object of conditions`
  for (const [field, filter] of Object.entries(where) as ReadonlyArray<[string, unknown]>) {
    const kind = kinds.get(field)
    if (kind === undefined) return `"${field}" cannot be filtered by; ${fields}`
    if (filter === undefined) continue
    const asked: { readonly [operator: string]: unknown } = isOperators(filter) ? { ...filter } : { in: [filter] }
    const names = Object.keys(asked)
    const other = names.find((operator) => !operators.has(operator))
    if (other !== undefined) return `"${field}" has the operator "${other}"; there are ${[...operators].join(", ")}`
    if (asked["in"] !== undefined && names.length > 1)
      return `"${field}" has "in" beside a range; filter by one of them`
    if (asked["in"] !== undefined && !Array.isArray(asked["in"])) return `"in" of "${field}" is no array`
    const values = Object.values(asked)
      .flat()
      .filter((value) => value !== undefined)
    const wrong = values.find((value) => !isOfKind(kind, value))
    if (wrong !== undefined) return `"${field}" is compared with ${String(wrong)}, which is no ${kind}`
  }
  return undefined
}

const isOfKind = (kind: IndexKind, value: unknown): boolean =>
  kind === "instant"
    ? DateTime.isDateTime(value) || value instanceof Date
    : typeof value === kind && (kind !== "number" || Number.isFinite(value))

/** The conditions of a `where`. */
export const conditions = (where: object): ReadonlyArray<Condition> =>
  Object.entries(where).flatMap(([field, filter]: [string, unknown]): ReadonlyArray<Condition> => {
    if (filter === undefined) return []
    if (!isOperators(filter)) return [{ field, op: "in", values: [indexValue(filter)] }]
    const values = filter.in
    if (values !== undefined) return [{ field, op: "in", values: values.map(indexValue) }]
    return ranges.flatMap((op) => (filter[op] === undefined ? [] : [{ field, op, value: indexValue(filter[op]) }]))
  })

interface Operators {
  readonly in?: ReadonlyArray<unknown>
  readonly gt?: unknown
  readonly gte?: unknown
  readonly lt?: unknown
  readonly lte?: unknown
}

// Values are scalars or instants of a class; only the operators come as a plain object.
const isOperators = (filter: unknown): filter is Operators => {
  if (typeof filter !== "object" || filter === null) return false
  const prototype: unknown = Object.getPrototypeOf(filter)
  return prototype === Object.prototype || prototype === null
}
