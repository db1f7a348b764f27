// What the tests of the retail example share: files made of rows, and services that live for one test.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Memory from "evolvent/Memory"
import { ReadModels } from "./app.ts"
import * as Csv from "./csv.ts"

export const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

/** Runs a test on services of its own. */
export const inNewStore = Effect.provide(Layer.fresh(Layer.provideMerge(ReadModels, Memory.layer)))

/** The text of a file with these rows. */
export const file = (rows: ReadonlyArray<string>): string => `${[header, ...rows].join("\n")}\n`

/** The rows of a file, as text again. */
export const rowsOf = (text: string): ReadonlyArray<string> => {
  const parser = Csv.make()
  const records = [...parser.push(text), ...parser.end()]
  return records.flatMap((record) => (record._tag === "Fields" ? [record.fields.map(quoted).join(",")] : [])).slice(1)
}

const quoted = (field: string): string => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)
