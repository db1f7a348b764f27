// The report: what the read models say, in the shape that other programs compare with.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import type { Projection } from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { Countries, Customers, Months, Rejections, Skips, Totals } from "./projections.ts"

/** Money in mills; records by name, in order of the names. */
export interface Report {
  readonly orders: { readonly placed: number; readonly completed: number; readonly open: number }
  readonly lines: { readonly accepted: number; readonly rejected: Readonly<Record<string, number>> }
  readonly creditNotes: { readonly issued: number; readonly lines: number; readonly rejected: number }
  readonly skippedInvoices: Readonly<Record<string, number>>
  readonly revenueMills: number
  readonly creditMills: number
  readonly customers: number
  readonly topCustomers: ReadonlyArray<{ readonly customerId: string; readonly netMills: number }>
  readonly byCountry: Readonly<Record<string, number>>
  readonly byMonth: Readonly<Record<string, number>>
}

/** Waits until the read models hold everything that is in the event store now. */
export const upToDate = Effect.gen(function* () {
  const head = yield* EventStore.use((store) => store.head)
  const projections = [Totals, Rejections, Skips, Customers, Countries, Months]
  yield* Effect.forEach(projections, (one) => Processor.waitFor(one, head, { timeout: "2 minutes" }), { discard: true })
})

/** The report of everything imported so far. */
export const read = Effect.gen(function* () {
  yield* upToDate
  const totals = (yield* ReadModel.get(Totals, "all")) ?? noTotals
  const rejections = yield* all(Rejections)
  const rejected = (kind: "order" | "creditNote") =>
    rejections.flatMap(({ row }) => (row.kind === kind ? [[row.reason, row.rows] as const] : []))
  const top = yield* ReadModel.list(Customers, { orderBy: "rank", limit: 10 })
  const report: Report = {
    orders: { placed: totals.placed, completed: totals.completed, open: totals.placed - totals.completed },
    lines: { accepted: totals.items, rejected: Object.fromEntries(rejected("order")) },
    creditNotes: {
      issued: totals.issued,
      lines: totals.creditLines,
      rejected: sum(rejected("creditNote").map(([, rows]) => rows))
    },
    skippedInvoices: Object.fromEntries((yield* all(Skips)).map(({ key, row }) => [key, row.invoices])),
    revenueMills: totals.revenueMills,
    creditMills: totals.creditMills,
    customers: (yield* all(Customers, { where: { orders: { gte: 1 } } })).length,
    topCustomers: top.rows.map(({ key, row }) => ({ customerId: key, netMills: row.netMills })),
    byCountry: Object.fromEntries((yield* all(Countries)).map(({ key, row }) => [key, row.netMills])),
    byMonth: Object.fromEntries((yield* all(Months)).map(({ key, row }) => [key, row.netMills]))
  }
  return report
})

const noTotals = { placed: 0, completed: 0, items: 0, revenueMills: 0, issued: 0, creditLines: 0, creditMills: 0 }

/** All rows of a list, page by page. */
const all = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  options: ReadModel.ListOptions<Row, Index> = {}
) =>
  Stream.paginate(undefined as ReadModel.Cursor | undefined, (after) =>
    Effect.map(
      ReadModel.list(projection, { ...options, limit: 1000, after }),
      ({ next, rows }) => [rows, next === undefined ? Option.none() : Option.some(next)] as const
    )
  ).pipe(Stream.runCollect)

/** The report as JSON, one space deep. */
export const toJson = (report: Report): string => `${JSON.stringify(report, null, 1)}\n`

/** The report for people. */
export const toText = (report: Report): string => {
  const { creditNotes, lines, orders } = report
  const pounds = poundsOf(report)
  const rejected = Object.entries(lines.rejected).map(([reason, rows]) => `${whole(rows)} × ${reason}`)
  const skipped = Object.entries(report.skippedInvoices).map(([reason, invoices]) => `${whole(invoices)} × ${reason}`)
  const figures: ReadonlyArray<Cells> = [
    ["Orders placed", whole(orders.placed), `${whole(orders.completed)} completed, ${whole(orders.open)} open`],
    ["Items", whole(lines.accepted), rejected.length === 0 ? "none rejected" : `rejected: ${rejected.join(", ")}`],
    [
      "Credit notes",
      whole(creditNotes.issued),
      `${whole(creditNotes.lines)} lines, ${whole(creditNotes.rejected)} rejected`
    ],
    ["Skipped invoices", whole(sum(Object.values(report.skippedInvoices))), skipped.join(", ")],
    ["Customers", whole(report.customers), ""],
    ["Revenue", pounds(report.revenueMills), ""],
    ["Credit", pounds(-report.creditMills), ""],
    ["Net", pounds(report.revenueMills - report.creditMills), ""]
  ]
  const money = (rows: ReadonlyArray<readonly [string, number]>): ReadonlyArray<Cells> =>
    rows.map(([name, mills]) => [name === "" ? "(none)" : name, pounds(mills), ""])
  const top = report.topCustomers.map(({ customerId, netMills }) => [customerId, netMills] as const)
  const countries = Object.entries(report.byCountry).sort(([, a], [, b]) => b - a)
  return [
    section("Invoices", figures),
    section("Net by month", money(Object.entries(report.byMonth))),
    section("Net by country", money(countries)),
    section("Best customers", money(top))
  ].join("\n")
}

type Cells = readonly [name: string, figure: string, note: string]

const section = (title: string, rows: ReadonlyArray<Cells>): string => {
  if (rows.length === 0) return `${title}\n  nothing yet\n`
  const first = Math.max(...rows.map(([name]) => name.length))
  const second = Math.max(...rows.map(([, figure]) => figure.length))
  const lines = rows.map((row) => `  ${row[0].padEnd(first)}  ${row[1].padStart(second)}  ${row[2]}`.trimEnd())
  return `${[title, ...lines].join("\n")}\n`
}

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, number) => total + number, 0)

const whole = (count: number): string => count.toLocaleString("en-GB")

/** Pence, unless some figure has a fraction of a penny; the same for all of them, so that they stand in line. */
const poundsOf = (report: Report) => {
  const figures = [report.revenueMills, report.creditMills, ...Object.values(report.byCountry)]
  figures.push(...report.topCustomers.map(({ netMills }) => netMills), ...Object.values(report.byMonth))
  const digits = figures.every((mills) => mills % 10 === 0) ? 2 : 3
  const format = new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return (mills: number): string => `${mills < 0 ? "-" : ""}£${format.format(Math.abs(mills) / 1000)}`
}
