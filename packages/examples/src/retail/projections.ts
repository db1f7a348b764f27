// The read models of the shop's books; the report is read from them.
import * as Schema from "effect/Schema"
import type * as Aggregate from "evolvent/Aggregate"
import * as Projection from "evolvent/Projection"
import { CreditNote, Import, Kind, Mills, monthOf, Order } from "./domain.ts"
import type { Invoice } from "./domain.ts"

const Count = Schema.Int

type MoneyEvent = Aggregate.EventOf<typeof Order> | Aggregate.EventOf<typeof CreditNote>

/** The key of events that move money, from the invoice head that they carry; other events change no row. */
const byInvoice =
  (keyOf: (invoice: Invoice) => string | ReadonlyArray<string>) =>
  ({ data }: { readonly data: MoneyEvent }): string | ReadonlyArray<string> =>
    "invoice" in data ? keyOf(data.invoice) : []

/** Everything counted; one row. */
export const Totals = Projection.make("retail-totals", {
  from: [Order, CreditNote],
  row: Schema.Struct({
    placed: Count,
    completed: Count,
    items: Count,
    revenueMills: Mills,
    issued: Count,
    creditLines: Count,
    creditMills: Mills
  }),
  key: () => "all",
  initial: { placed: 0, completed: 0, items: 0, revenueMills: 0, issued: 0, creditLines: 0, creditMills: 0 }
})({
  evolve: {
    Order: {
      Placed: (row) => ({ ...row, placed: row.placed + 1 }),
      ItemAdded: (row) => ({ ...row, items: row.items + 1 }),
      Completed: (row, { mills }) => ({
        ...row,
        completed: row.completed + 1,
        revenueMills: row.revenueMills + mills
      }),
      Amended: (row, { mills }) => ({ ...row, revenueMills: row.revenueMills + mills })
    },
    CreditNote: {
      Issued: (row) => ({ ...row, issued: row.issued + 1 }),
      LineCredited: (row, { mills }) => ({
        ...row,
        creditLines: row.creditLines + 1,
        creditMills: row.creditMills + mills
      })
    }
  }
})

/** Rejected rows by what they were to become and why. */
export const Rejections = Projection.make("retail-rejections", {
  from: [Import],
  row: Schema.Struct({ kind: Kind, reason: Schema.String, rows: Count }),
  key: ({ data }) => (data._tag === "RowRejected" ? `${data.kind}/${data.reason}` : []),
  indexes: ["kind"]
})({
  create: { RowRejected: ({ kind, reason }) => ({ kind, reason, rows: 1 }) },
  evolve: { RowRejected: (row) => ({ ...row, rows: row.rows + 1 }) }
})

/** Skipped invoices by reason. */
export const Skips = Projection.make("retail-skips", {
  from: [Import],
  row: Schema.Struct({ invoices: Count }),
  key: ({ data }) => (data._tag === "Skipped" ? data.reason : []),
  initial: { invoices: 0 }
})({ evolve: { Skipped: ({ invoices }) => ({ invoices: invoices + 1 }) } })

/** Net revenue by customer; in ascending order of `rank` the highest comes first, equal ones in order of their ids. */
export const Customers = Projection.make("retail-customers", {
  from: [Order, CreditNote],
  row: Schema.Struct({ orders: Count, netMills: Mills, rank: Schema.Int }),
  key: byInvoice(({ customerId }) => (customerId === "" ? [] : customerId)),
  initial: { orders: 0, netMills: 0, rank: 0 },
  indexes: ["orders", "rank"]
})({
  evolve: {
    Order: {
      Completed: ({ netMills, orders }, { mills }) => ranked(orders + 1, netMills + mills),
      Amended: ({ netMills, orders }, { mills }) => ranked(orders, netMills + mills)
    },
    CreditNote: { LineCredited: ({ netMills, orders }, { mills }) => ranked(orders, netMills - mills) }
  }
})

const ranked = (orders: number, netMills: number) => ({ orders, netMills, rank: 0 - netMills })

const Net = Schema.Struct({ netMills: Mills })

interface Moved {
  readonly mills: number
}
const more = ({ netMills }: typeof Net.Type, { mills }: Moved) => ({ netMills: netMills + mills })
const less = ({ netMills }: typeof Net.Type, { mills }: Moved) => ({ netMills: netMills - mills })

/** Net revenue by country. */
export const Countries = Projection.make("retail-countries", {
  from: [Order, CreditNote],
  row: Net,
  key: byInvoice(({ country }) => country),
  initial: { netMills: 0 }
})({ evolve: { Order: { Completed: more, Amended: more }, CreditNote: { LineCredited: less } } })

/** Net revenue by month, as in "2010-12". */
export const Months = Projection.make("retail-months", {
  from: [Order, CreditNote],
  row: Net,
  key: byInvoice(monthOf),
  initial: { netMills: 0 }
})({ evolve: { Order: { Completed: more, Amended: more }, CreditNote: { LineCredited: less } } })
