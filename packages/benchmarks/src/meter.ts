// The domain of `evolution`: a meter with readings, once with a past that an upcaster knows and once without.
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Upcaster from "evolvent/Upcaster"

const MeterEvent = Schema.TaggedUnion({
  Installed: { site: Schema.String },
  Read: { value: Schema.Int, unit: Schema.String, at: Schema.String, by: Schema.String }
})

type MeterEvent = typeof MeterEvent.Type

const MeterHistory = Upcaster.make(MeterEvent)({
  Installed: (event) => event.from({}).toCurrent(() => ({ site: "unknown" })),
  Read: (event) =>
    event
      .from({ value: Schema.Int })
      .to({ value: Schema.Int, unit: Schema.String }, (v1) => ({ ...v1, unit: "kWh" }))
      .toCurrent((v2) => ({ ...v2, at: "", by: "" }))
})

const protocol = {
  command: Schema.TaggedUnion({ Note: { value: Schema.Int } }),
  event: MeterEvent,
  state: Schema.Struct({ last: Schema.Int, readings: Schema.Int }),
  initial: { last: 0, readings: 0 }
}

/** What every meter does with a command. */
export const note = ({ value }: { readonly value: number }): ReadonlyArray<MeterEvent> => [
  { _tag: "Read", value, unit: "kWh", at: "2026-03-01T12:00:00.000Z", by: "the meter itself, over the air" }
]

const evolve = {
  Installed: (state: { readonly last: number; readonly readings: number }) => state,
  Read: ({ readings }: { readonly readings: number }, { value }: { readonly value: number }) => ({
    last: value,
    readings: readings + 1
  })
}

/** A meter without a past. */
export const Meter = Aggregate.make("Meter", protocol)({ decide: { Note: note }, evolve })

/** A meter whose events have three versions. */
export const AgedMeter = Aggregate.make("AgedMeter", { ...protocol, upcast: MeterHistory })({
  decide: { Note: note },
  evolve
})
