// The report by plain loops over the rows, to compare with: it shares no code with the example and knows no events.
//
//   node packages/examples/src/retail/reference.ts <csv files>     prints the report of these files, in this order
//   node packages/examples/src/retail/reference.ts --sample        writes sample-expected.json anew
import { readFileSync, writeFileSync } from "node:fs"
import { generate } from "./sample.ts"

/** The sample that `pnpm retail:check` and the tests compare with sample-expected.json. */
export const sample = { seed: 2010, invoices: 400 }

/** The report of some files, given as text, as JSON that is indented by one space. For well-formed rows only. */
export const reference = (texts: ReadonlyArray<string>): string => {
  const invoices = new Map<string, Array<Array<string>>>()
  for (const text of texts) {
    for (const row of parse(text).slice(1)) {
      const rows = invoices.get(row[0]!)
      if (rows === undefined) invoices.set(row[0]!, [row])
      else rows.push(row)
    }
  }

  let [placed, completed, accepted, issued, credited, creditRejected, revenue, credit] = [0, 0, 0, 0, 0, 0, 0, 0]
  const rejected: Record<string, number> = {}
  const skipped: Record<string, number> = {}
  const byCountry: Record<string, number> = {}
  const byMonth: Record<string, number> = {}
  const byCustomer: Record<string, number> = {}
  const buyers = new Set<string>()
  for (const [invoiceNo, rows] of invoices) {
    const [, , , , time, , id, country] = rows[0]!
    const customer = id!.endsWith(".0") ? id!.slice(0, -2) : id!
    const month = time!.slice(0, 7)
    const letter = invoiceNo[0]!
    let total = 0
    if (letter >= "0" && letter <= "9") {
      placed++
      let items = 0
      for (const row of rows) {
        const quantity = Number(row[3])
        if (quantity <= 0) add(rejected, "QuantityNotPositive", 1)
        else if (Number(row[5]) < 0) add(rejected, "PriceNegative", 1)
        else {
          items++
          total += amount(quantity, row[5]!)
        }
      }
      accepted += items
      if (items === 0) continue
      completed++
      revenue += total
      if (customer !== "") buyers.add(customer)
    } else if (letter === "C") {
      issued++
      let lines = 0
      for (const row of rows) {
        const quantity = -Number(row[3])
        if (quantity <= 0) creditRejected++
        else {
          lines++
          total -= amount(quantity, row[5]!)
        }
      }
      credited += lines
      credit -= total
      if (lines === 0) continue
    } else {
      add(skipped, "Adjustment", 1)
      continue
    }
    add(byCountry, country!, total)
    add(byMonth, month, total)
    if (customer !== "") add(byCustomer, customer, total)
  }

  const top = Object.entries(byCustomer)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, 10)
    .map(([customerId, netMills]) => ({ customerId, netMills }))
  const report = {
    orders: { placed, completed, open: placed - completed },
    lines: { accepted, rejected: sorted(rejected) },
    creditNotes: { issued, lines: credited, rejected: creditRejected },
    skippedInvoices: sorted(skipped),
    revenueMills: revenue,
    creditMills: credit,
    customers: buyers.size,
    topCustomers: top,
    byCountry: sorted(byCountry),
    byMonth: sorted(byMonth)
  }
  return `${JSON.stringify(report, null, 1)}\n`
}

const add = (counts: Record<string, number>, key: string, by: number): void => {
  counts[key] = (counts[key] ?? 0) + by
}

const sorted = (counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Up to three decimals, each a power of ten: mills without a fraction. */
const amount = (quantity: number, price: string): number => {
  const [pounds, fraction = ""] = price.replace("-", "").split(".")
  const mills = Number(pounds) * 1000 + Number(fraction.padEnd(3, "0"))
  return quantity * (price.startsWith("-") ? -mills : mills)
}

/** The records of a file: fields in quotes, which may hold anything, or without. */
const parse = (text: string): Array<Array<string>> => {
  const records: Array<Array<string>> = []
  let record: Array<string> = []
  for (const [, , quoted, plain, end] of text.matchAll(/(?<=^|[,\n])("((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    record.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'))
    if (end === ",") continue
    if (record.length > 1) records.push(record)
    record = []
  }
  return records
}

if (process.argv[1] === import.meta.filename) {
  const expectation = new URL("sample-expected.json", import.meta.url)
  const paths = process.argv.slice(2)
  if (paths[0] === "--sample") {
    writeFileSync(expectation, `${JSON.stringify(JSON.parse(reference([generate(sample)])), null, 2)}\n`)
  } else process.stdout.write(reference(paths.map((path) => readFileSync(path, "utf8"))))
}
