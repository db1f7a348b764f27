// selection: which events are meant by the words of a command line: all, a category or a stream, between two places.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Audit from "evolvent/Audit"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { failed, misused } from "./failure.ts"
import type { Failure } from "./failure.ts"

/** What may narrow the events that are meant. */
export interface Narrowing {
  readonly types: ReadonlyArray<string>
  readonly system: boolean
}

/** A name on the command line as a stream. */
export const streamOf = (name: string): Effect.Effect<StreamName.StreamName, Failure> =>
  Result.match(StreamName.parse(name), {
    onFailure: (error) => Effect.fail(misused(error.message)),
    onSuccess: Effect.succeed
  })

/** `all`, the name of a category, or that of a stream, which has a dash. */
export const filterOf = (
  what: string,
  { system, types }: Narrowing = { types: [], system: false }
): Effect.Effect<EventFilter.EventFilter, Failure> => {
  const some = types.length === 0 ? {} : { types }
  if (what === "all") return Effect.succeed(EventFilter.all({ ...some, system }))
  if (what.includes("-")) return Effect.map(streamOf(what), (stream) => EventFilter.stream(stream, some))
  const problem = StreamName.categoryProblem(what)
  return problem === undefined
    ? Effect.succeed(EventFilter.category(what, some))
    : Effect.fail(misused(`${JSON.stringify(what)} is neither "all" nor a category nor a stream: ${problem}.`))
}

/** A number, which is a revision for a stream and a position for all else, or a time. */
type Place =
  | { readonly number: number; readonly time?: never }
  | { readonly time: DateTime.Utc; readonly number?: never }

const placeOf = (flag: string, text: string | undefined): Effect.Effect<Place | undefined, Failure> => {
  if (text === undefined) return Effect.undefined
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Effect.succeed({ number: Number(text) })
  // A number alone is no year.
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? DateTime.make(text) : Option.none()
  return Option.match(time, {
    onNone: () =>
      Effect.fail(
        misused(
          `--${flag} takes a position (a revision for a stream) or a time such as 2026-05-01T08:00:00Z, not ${JSON.stringify(text)}.`
        )
      ),
    onSome: (time) => Effect.succeed({ time: DateTime.toUtc(time) })
  })
}

/** Which events of a store, and in which order. */
export interface Selection extends Narrowing {
  readonly what: string
  readonly from: string | undefined
  readonly to: string | undefined
  readonly backwards: boolean
  readonly limit: number | undefined
}

const boundOf = (place: Place | undefined): Audit.Place | undefined =>
  place === undefined ? undefined : place.time === undefined ? { position: Position.make(place.number) } : place

/** One stream between two revisions, both included. */
const ofStream = (filter: EventFilter.EventFilter, from: number, to: number, direction: "forwards" | "backwards") =>
  Stream.unwrap(
    EventStore.use((store) => {
      const isForwards = direction === "forwards"
      const start = isForwards ? from : to
      const begin = start === Infinity ? {} : { from: { revision: Revision.make(start) } }
      return Effect.succeed(
        Stream.takeWhile(store.read(filter, { direction, ...begin }), ({ revision }) =>
          isForwards ? revision <= to : revision >= from
        )
      )
    })
  )

/** The events that are meant. */
export const events = (
  selection: Selection
): Effect.Effect<Stream.Stream<Recorded, EventStoreError, EventStore>, Failure> =>
  Effect.gen(function* () {
    const { backwards, limit, what } = selection
    const filter = yield* filterOf(what, selection)
    const [from, to] = [yield* placeOf("from", selection.from), yield* placeOf("to", selection.to)]
    const direction = backwards ? "backwards" : "forwards"
    const limited = <E, R>(stream: Stream.Stream<Recorded, E, R>) =>
      limit === undefined ? stream : Stream.take(stream, limit)
    if (filter._tag === "Stream" && (from?.number ?? to?.number) !== undefined) {
      if (from?.time !== undefined || to?.time !== undefined) {
        return yield* misused("For a stream --from and --to are both revisions, or both times.")
      }
      return limited(ofStream(filter, from?.number ?? 0, to?.number ?? Infinity, direction))
    }
    const [begin, end] = [boundOf(from), boundOf(to)]
    const range = { ...(begin === undefined ? {} : { from: begin }), ...(end === undefined ? {} : { to: end }) }
    return limited(Audit.by({ filter, direction, ...range }))
  })

/** Fails where a category or a stream has no event at all, which most often is a name that was misspelt. */
export const exists = Effect.fnUntraced(function* (what: string) {
  if (what === "all") return
  const filter = yield* filterOf(what)
  const store = yield* EventStore
  const first = yield* Stream.runHead(store.read(filter, { limit: 1 }))
  if (Option.isSome(first)) return
  return yield* failed(
    `There is no event in ${EventFilter.describe(filter)}. \`evolvent streams\` lists the categories, ` +
      `\`evolvent streams <category>\` its streams; names are case-sensitive.`
  )
})
