// One row of an invoice file: from the fields of a CSV record to what the domain takes, or why it cannot be read.
import { createHash } from "node:crypto"
import * as Result from "effect/Result"
import { amountOf } from "./domain.ts"
import type { Invoice, Line } from "./domain.ts"

/** What an invoice is, by the first character of its number. */
export type InvoiceKind = "order" | "creditNote" | "adjustment"

export interface Row {
  readonly invoiceNo: string
  readonly kind: InvoiceKind
  readonly invoice: Invoice
  readonly line: Line
  /**
   * The row's identity, whatever file it came in: what it says, and the how-manieth of its like it is in its file.
   *
   * A UUIDv7 of the invoice's time, since the event ids that derive from it are then in order of time as well.
   */
  readonly id: string
}

/** The columns of an invoice file, in any order; others are passed over. */
const columns = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country"
] as const
type Column = (typeof columns)[number]

/** Reads the rows of one file: it counts how often the same row stands there, so each file has its own. */
export type RowReader = (fields: ReadonlyArray<string>) => Result.Result<Row, string>

/** The reader of the rows below a header, or what is wrong with the header. */
export const reader = (header: ReadonlyArray<string>): Result.Result<RowReader, string> => {
  const places = new Map(header.map((name, index) => [name.trim(), index]))
  const missing = columns.filter((column) => !places.has(column))
  if (missing.length > 0) return Result.fail(`its first line lacks the columns ${missing.join(", ")}`)
  const seen = new Map<string, number>()
  return Result.succeed((fields) => readRow((column) => fields[places.get(column) ?? -1] ?? "", seen))
}

const readRow = (get: (column: Column) => string, seen: Map<string, number>): Result.Result<Row, string> => {
  const wrong = (column: Column, what: string) =>
    Result.fail(`${column} is ${JSON.stringify(get(column))}, not ${what}`)
  const invoiceNo = get("InvoiceNo").trim()
  if (invoiceNo === "") return wrong("InvoiceNo", "a number")
  const quantity = wholeNumber(get("Quantity").trim())
  if (quantity === undefined) return wrong("Quantity", "a whole number")
  const price = decimal(get("UnitPrice").trim())
  if (price === undefined) return wrong("UnitPrice", "a decimal number")
  const time = localTime(get("InvoiceDate").trim())
  if (time === undefined) return wrong("InvoiceDate", "a time like 2010-12-01 08:26:00")
  if (columns.some((column) => get(column).includes("\u0000"))) return Result.fail("it holds the NUL character")
  if (amountOf({ quantity, price }) === undefined) {
    return Result.fail(`${quantity} × ${price} is no whole number of mills, or more than a billion pounds`)
  }
  const customerId = get("CustomerID").trim().replace(/\.0$/, "")
  const kind = kindOf(invoiceNo)
  const line: Line = {
    stockCode: get("StockCode"),
    description: get("Description"),
    quantity: kind === "creditNote" ? 0 - quantity : quantity,
    price
  }
  const invoice: Invoice = { customerId, country: get("Country"), time: time.text }
  return Result.succeed({ invoiceNo, kind, invoice, line, id: identify(invoiceNo, invoice, line, time.millis, seen) })
}

const kindOf = (invoiceNo: string): InvoiceKind =>
  /^\d/.test(invoiceNo) ? "order" : invoiceNo.startsWith("C") ? "creditNote" : "adjustment"

const wholeNumber = (text: string): number | undefined => {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(number) ? number + 0 : undefined
}

/** Decimal text in its shortest form: "2.50" and "2.5" are one price. */
const decimal = (text: string): string | undefined => {
  const [, sign, whole, fraction] = /^([+-]?)0*(\d{0,15})(?:\.(\d{0,15}?)0*)?$/.exec(text) ?? []
  if (whole === undefined || !/\d/.test(text)) return undefined
  const digits = `${whole === "" ? "0" : whole}${fraction === undefined || fraction === "" ? "" : `.${fraction}`}`
  return sign === "-" && digits !== "0" ? `-${digits}` : digits
}

const localTime = (text: string): { readonly text: string; readonly millis: number } | undefined => {
  const [, date, time, seconds = ":00"] = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?$/.exec(text) ?? []
  const local = `${date}T${time}${seconds}`
  const millis = Date.parse(`${local}Z`)
  // Date.parse takes the 31st of a shorter month for a day of the next.
  return Number.isNaN(millis) || new Date(millis).toISOString().slice(0, 19) !== local
    ? undefined
    : { text: local, millis: Math.max(0, millis) }
}

const identify = (
  invoiceNo: string,
  invoice: Invoice,
  line: Line,
  millis: number,
  seen: Map<string, number>
): string => {
  const says = [
    invoiceNo,
    line.stockCode,
    line.description,
    line.quantity,
    line.price,
    invoice.time,
    invoice.customerId,
    invoice.country
  ]
  const content = createHash("sha256").update(JSON.stringify(says)).digest("base64url").slice(0, 16)
  const before = seen.get(content) ?? 0
  seen.set(content, before + 1)
  const hash = createHash("sha256").update(`${content}${before}`).digest("hex")
  const time = millis.toString(16).padStart(12, "0")
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`
}
