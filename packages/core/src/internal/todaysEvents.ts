// What stored events are today, for those who handle some types of some aggregates: one each, mostly; of a split one several.
import * as Result from "effect/Result"
import type * as Aggregate from "../Aggregate.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import * as Tombstone from "../Tombstone.ts"
import type { Undecoded } from "./eventCodec.ts"
import type { Tagged } from "./eventCodec.ts"
import { storedTypes } from "./upcasting.ts"

/** An aggregate whose events are decoded, and which of them are handled, by their types of today. */
export interface Source {
  readonly aggregate: Pick<Aggregate.Any, "name" | "codecs" | "upcast">
  readonly types: ReadonlyArray<string>
}

/** Which stored events are, or may become, those that are handled. */
export const filterOf = (sources: ReadonlyArray<Source>): EventFilter.EventFilter =>
  EventFilter.categories(
    sources.map(({ aggregate, types }) => ({
      category: aggregate.name,
      types: storedTypes(aggregate.upcast, types)
    }))
  )

/** Decodes a stored event to those events of today that are handled; `recorded` is what it would be if it were stored today. */
export type Decode = (recorded: Recorded) => Result.Result<ReadonlyArray<Recorded<Tagged>>, Undecoded>

const none = Result.succeed<ReadonlyArray<Recorded<Tagged>>>([])

/** The decoder of some sources. */
export const decoder = (sources: ReadonlyArray<Source>): Decode => {
  const table = new Map(
    sources.map(({ aggregate, types }) => {
      // The types that are handled, and the versions that they are stored in today.
      const handled = new Map(types.map((type) => [type, aggregate.upcast?.current.get(type) ?? 1]))
      return [aggregate.name, { aggregate, handled }] as const
    })
  )
  return (recorded) => {
    const source = table.get(recorded.category)
    if (source === undefined) return Result.fail({ problem: "its category is no source" })
    const codec = source.aggregate.codecs.event
    const { schemaVersion, type } = recorded
    const current = source.handled.get(type)
    // What the store itself says of a stream is no event of its aggregate.
    if (Tombstone.isReserved(type)) {
      const tombstone = current === undefined ? undefined : Tombstone.of(recorded)
      return tombstone === undefined ? none : Result.succeed([{ ...recorded, data: tombstone }])
    }
    // Where only its past is of interest it is passed over as it is stored today, and by newer code.
    if (current === undefined && schemaVersion >= (codec.versionOf(type) ?? Infinity)) return none
    const decoded = codec.decode(type, schemaVersion, recorded.data)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    const [first] = decoded.success
    if (schemaVersion === current && first !== undefined) return Result.succeed([{ ...recorded, data: first }])
    return Result.succeed(
      partsOf(recorded, decoded.success, codec.versionOf).filter(({ type }) => source.handled.has(type))
    )
  }
}

/**
 * The events of today that a stored one became: at its place, under their own types. The first has its id, and each further
 * one an id that derives from it, so that who handles each event once by its id handles all of them.
 */
const partsOf = (
  recorded: Recorded,
  events: ReadonlyArray<Tagged>,
  versionOf: (type: string) => number | undefined
): ReadonlyArray<Recorded<Tagged>> =>
  events.map((data, index) => ({
    ...recorded,
    id: index === 0 ? recorded.id : EventId.derive(`${recorded.stream}/part`, recorded.id, index),
    type: data._tag,
    schemaVersion: versionOf(data._tag) ?? recorded.schemaVersion,
    data
  }))
