// The books of a shop: orders, credit notes, and what an import of invoices left aside. Money is in integer mills.
import * as BigDecimal from "effect/BigDecimal"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"

/** A thousandth of a pound. */
export const Mills = Schema.Int

/** The price of one piece in pounds, as decimal text: "2.55". It may be finer than a mill; an amount may not. */
export const Price = Schema.String.check(Schema.isPattern(/^-?\d{1,15}(\.\d{1,15})?$/))

/** The shop's local time, to the second. */
export const Time = Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/))

/** The head of an invoice; `customerId` is empty where the customer is not known. */
export const Invoice = Schema.Struct({ customerId: Schema.String, country: Schema.String, time: Time })
export type Invoice = typeof Invoice.Type

/** The month of an invoice, as in "2010-12". */
export const monthOf = (invoice: Invoice): string => invoice.time.slice(0, 7)

/** What one row of an invoice says. */
export const Line = Schema.Struct({
  stockCode: Schema.String,
  description: Schema.String,
  quantity: Schema.Int,
  price: Price
})
export type Line = typeof Line.Type

/** A billion pounds: no line is worth more, so that sums stay exact. */
const mostMills = 1_000_000_000_000

/** What a line comes to, exactly; undefined when that is no whole number of mills, or more than a billion pounds. */
export const amountOf = ({ price, quantity }: Pick<Line, "price" | "quantity">): number | undefined => {
  const pieces = BigDecimal.make(BigInt(quantity) * 1000n, 0)
  const { scale, value } = BigDecimal.normalize(BigDecimal.multiply(pieces, BigDecimal.fromStringUnsafe(price)))
  if (scale > 0) return undefined
  const mills = Number(value * 10n ** BigInt(-scale))
  return Math.abs(mills) <= mostMills ? mills : undefined
}

export class NotPlaced extends Schema.TaggedError<NotPlaced>()("NotPlaced", {}) {
  override readonly message = "The order is not placed."
}

export class NotIssued extends Schema.TaggedError<NotIssued>()("NotIssued", {}) {
  override readonly message = "The credit note is not issued."
}

export class NothingOrdered extends Schema.TaggedError<NothingOrdered>()("NothingOrdered", {}) {
  override readonly message = "An order without an item cannot be completed."
}

export class QuantityNotPositive extends Schema.TaggedError<QuantityNotPositive>()("QuantityNotPositive", {
  quantity: Schema.Int
}) {
  override get message(): string {
    return `The quantity is ${this.quantity}; it must be positive.`
  }
}

export class PriceNegative extends Schema.TaggedError<PriceNegative>()("PriceNegative", { price: Price }) {
  override get message(): string {
    return `The price is ${this.price}; it must not be negative.`
  }
}

export class AmountNotExact extends Schema.TaggedError<AmountNotExact>()("AmountNotExact", {
  quantity: Schema.Int,
  price: Price
}) {
  override get message(): string {
    return `${this.quantity} × ${this.price} is no whole number of mills, or more than a billion pounds.`
  }
}

const isNegative = (price: string): boolean => BigDecimal.isNegative(BigDecimal.fromStringUnsafe(price))

/** An order's events; those that move money say whose it is, for whoever adds it up by customer, country or month. */
export const OrderEvent = Schema.TaggedUnion({
  Placed: { invoice: Invoice },
  ItemAdded: { line: Line, mills: Mills },
  Completed: { invoice: Invoice, mills: Mills },
  /** An item came after completion, and brought so much more. */
  Amended: { invoice: Invoice, mills: Mills }
})

const Placed = { invoice: Invoice, items: Schema.Int, mills: Mills }

/** An order: it is placed, items are added, and with at least one item it can be completed. */
export const Order = Aggregate.make("Order", {
  command: Schema.TaggedUnion({ Place: { invoice: Invoice }, AddItem: { line: Line }, Complete: {} }),
  event: OrderEvent,
  state: Schema.TaggedUnion({ None: {}, Open: Placed, Completed: Placed }),
  initial: { _tag: "None" }
})({
  decide: {
    // The first invoice head counts; another page of the same invoice changes nothing.
    Place: ({ invoice }, order) => (order._tag === "None" ? [{ _tag: "Placed", invoice }] : []),
    AddItem: ({ line }, order) => {
      const { price, quantity } = line
      if (order._tag === "None") return Result.fail(new NotPlaced())
      if (quantity <= 0) return Result.fail(new QuantityNotPositive({ quantity }))
      if (isNegative(price)) return Result.fail(new PriceNegative({ price }))
      const mills = amountOf(line)
      if (mills === undefined) return Result.fail(new AmountNotExact({ quantity, price }))
      const added = { _tag: "ItemAdded", line, mills } as const
      return Result.succeed(
        order._tag === "Open" ? [added] : [added, { _tag: "Amended", invoice: order.invoice, mills } as const]
      )
    },
    Complete: (_, order) => {
      if (order._tag === "None") return Result.fail(new NotPlaced())
      if (order.items === 0) return Result.fail(new NothingOrdered())
      const { invoice, mills } = order
      return Result.succeed(order._tag === "Open" ? [{ _tag: "Completed", invoice, mills } as const] : [])
    }
  },
  evolve: {
    Placed: (_, { invoice }) => ({ _tag: "Open", invoice, items: 0, mills: 0 }),
    ItemAdded: (order, { mills }) =>
      order._tag === "None" ? order : { ...order, items: order.items + 1, mills: order.mills + mills },
    Completed: (order) => (order._tag === "Open" ? { ...order, _tag: "Completed" } : order),
    Amended: (order) => order
  }
})

/** A credit note: it is issued, and each line gives money back at once. Its quantities are positive. */
export const CreditNote = Aggregate.make("CreditNote", {
  command: Schema.TaggedUnion({ Issue: { invoice: Invoice }, AddLine: { line: Line } }),
  event: Schema.TaggedUnion({
    Issued: { invoice: Invoice },
    LineCredited: { invoice: Invoice, line: Line, mills: Mills }
  }),
  state: Schema.TaggedUnion({ None: {}, Issued: { invoice: Invoice } }),
  initial: { _tag: "None" }
})({
  decide: {
    Issue: ({ invoice }, note) => (note._tag === "None" ? [{ _tag: "Issued", invoice }] : []),
    AddLine: ({ line }, note) => {
      const { price, quantity } = line
      if (note._tag === "None") return Result.fail(new NotIssued())
      if (quantity <= 0) return Result.fail(new QuantityNotPositive({ quantity }))
      const mills = amountOf(line)
      if (mills === undefined) return Result.fail(new AmountNotExact({ quantity, price }))
      return Result.succeed([{ _tag: "LineCredited", invoice: note.invoice, line, mills } as const])
    }
  },
  evolve: {
    Issued: (_, { invoice }) => ({ _tag: "Issued", invoice }),
    LineCredited: (note) => note
  }
})

/** What a row was to become. */
export const Kind = Schema.Literals(["order", "creditNote"])

/** What an import left aside of one invoice: rows that were rejected, or the whole of it. Its id is the invoice's number. */
export const Import = Aggregate.make("Import", {
  command: Schema.TaggedUnion({
    RejectRow: { kind: Kind, reason: Schema.String, line: Line },
    Skip: { reason: Schema.String }
  }),
  event: Schema.TaggedUnion({
    RowRejected: { kind: Kind, reason: Schema.String, line: Line },
    Skipped: { reason: Schema.String }
  }),
  state: Schema.Struct({ rejected: Schema.Int, skipped: Schema.Boolean }),
  initial: { rejected: 0, skipped: false }
})({
  decide: {
    RejectRow: ({ kind, line, reason }) => [{ _tag: "RowRejected", kind, line, reason }],
    Skip: ({ reason }, { skipped }) => (skipped ? [] : [{ _tag: "Skipped", reason }])
  },
  evolve: {
    RowRejected: (state) => ({ ...state, rejected: state.rejected + 1 }),
    Skipped: (state) => ({ ...state, skipped: true })
  }
})
