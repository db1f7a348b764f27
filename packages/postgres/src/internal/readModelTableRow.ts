// Which rows a table can hold: what cannot be stored exactly is refused before anything is sent.
import type { EncodedRow, IndexKind, IndexValue } from "evolvent/ReadModelStore"
import type { Layout } from "./readModelTable.ts"
import { earliest } from "./readModelTableColumn.ts"
import { entryProblem, messageProblem, textProblem } from "./readModelTableLimits.ts"

/** Why a row cannot be stored, or undefined when it can: a sentence without its full stop. */
export const rowProblem = (layout: Layout, row: EncodedRow, maxMessageSize?: number): string | undefined => {
  const key = textProblem(row.key) ?? entryProblem(row.key)
  if (key !== undefined) return `its key ${key}`
  if (row.row === undefined) return undefined
  const text = textProblem(row.row) ?? messageProblem(row.row, maxMessageSize)
  if (text !== undefined) return `its JSON ${text}`
  for (const { field, kind } of layout.columns) {
    const value = row.index[field]
    const problem = value === undefined ? "has no value" : valueProblem(kind, value, row.key)
    if (problem !== undefined) return `its indexed field ${JSON.stringify(field)} ${problem}`
  }
  return undefined
}

const valueProblem = (kind: IndexKind, value: IndexValue, key: string): string | undefined => {
  if (kind === "string" && typeof value === "string") return textProblem(value) ?? together(value, key)
  // Two bytes hold four digits, which is less than a byte a digit.
  if (kind === "bigint" && typeof value === "bigint") return isSmall(value) ? undefined : together(half(value), key)
  if (kind === "instant" && typeof value === "number") {
    if (!Number.isInteger(value)) return `is ${value}, no whole number of milliseconds`
    return value >= earliest ? undefined : "lies before 4714 BC, where PostgreSQL's time begins"
  }
  return typeof value === kind ? undefined : `is of type ${typeof value}, not ${kind}`
}

const together = (value: string, key: string): string | undefined => {
  const problem = entryProblem(value, key)
  return problem === undefined ? undefined : `${problem}, counted with its key`
}

const small = 2n ** 1024n
const isSmall = (value: bigint): boolean => value < small && value > -small

const half = (value: bigint): string => "x".repeat(Math.ceil(value.toString().length / 2))
