// A shipment: what somebody ordered is packed, released, and handed over once; or it is withdrawn before.
import { Result, Schema } from "effect"
import { Aggregate } from "evolvent"

const Name = Schema.String.check(Schema.isPattern(/\S/, { expected: "a name" }))
const parcel = {
  customer: Name,
  product: Name,
  quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))
}

export const Status = Schema.Literals(["packing", "ready", "shipped", "withdrawn"])

export class NotPacking extends Schema.TaggedError<NotPacking>()("NotPacking", { status: Status }) {}
export class NothingPacked extends Schema.TaggedError<NothingPacked>()("NothingPacked", {}) {}
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", { status: Status }) {}

export const ShipmentCommand = Schema.TaggedUnion({
  Pack: parcel,
  Release: {},
  Withdraw: { reason: Name },
  HandOver: {}
})

/** It counts every piece that it is told of: who tells it twice ships twice. */
export const Shipment = Aggregate.make("Shipment", {
  command: ShipmentCommand,
  event: Schema.TaggedUnion({ Packed: parcel, Released: {}, Withdrawn: { reason: Name }, HandedOver: {} }),
  state: Schema.Struct({ status: Status, pieces: Schema.Int }),
  initial: { status: "packing", pieces: 0 }
})({
  decide: {
    Pack: (parcel, { status }) =>
      status === "packing" ? [{ ...parcel, _tag: "Packed" }] : Result.fail(new NotPacking({ status })),
    Release: (_, { pieces, status }) => {
      if (status !== "packing") return Result.fail(new NotPacking({ status }))
      return pieces > 0 ? [{ _tag: "Released" }] : Result.fail(new NothingPacked())
    },
    Withdraw: ({ reason }, { status }) =>
      status === "packing" ? [{ _tag: "Withdrawn", reason }] : Result.fail(new NotPacking({ status })),
    HandOver: (_, { status }) => (status === "ready" ? [{ _tag: "HandedOver" }] : Result.fail(new NotReady({ status })))
  },
  evolve: {
    Packed: (state, { quantity }) => ({ ...state, pieces: state.pieces + quantity }),
    Released: (state) => ({ ...state, status: "ready" }),
    Withdrawn: (state) => ({ ...state, status: "withdrawn" }),
    HandedOver: (state) => ({ ...state, status: "shipped" })
  }
})
