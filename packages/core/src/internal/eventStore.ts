// The typed event store over a driver: appends under expectations, and reads in pages.
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import type {
  Append,
  Appended,
  Driver,
  EncodedAppend,
  EncodedRecorded,
  EventStore,
  Outcome,
  ReadOptions,
  ReadRequest
} from "../EventStore.ts"
import * as Errors from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import * as Position from "../Position.ts"
import * as Revision from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import { decodePage, decodeRecorded } from "./eventDecoding.ts"
import { encode, repeatedId } from "./eventEncoding.ts"
import * as history from "./history.ts"
import * as counts from "./counts.ts"
import * as importing from "./importing.ts"
import { pages } from "./readAhead.ts"
import type { Step } from "./readAhead.ts"
import * as removal from "./removal.ts"
import * as spans from "./spans.ts"
import * as subscription from "./subscription.ts"

/** How many events one page of a read holds. */
const pageSize = 500

/** Where a page of a read begins, how many events are left to read, and where the read ends. */
interface Place {
  readonly from: ReadRequest["from"]
  readonly left: number
  readonly end: number | undefined
  readonly isFirst: boolean
}

type AppendError = Errors.WrongExpectedRevision | Errors.EventIdReused | Errors.EventStoreError

/** What a driver's outcome is to those who append. */
const resultsOf = (
  driver: Driver,
  operation: string,
  outcome: Outcome,
  appends: ReadonlyArray<EncodedAppend>
): Effect.Effect<ReadonlyArray<Appended>, AppendError> => {
  switch (outcome._tag) {
    case "Appended":
      return Effect.succeed(outcome.results)
    case "Conflict": {
      const { expected, stream } = appends[outcome.index] as EncodedAppend
      return Effect.fail(new Errors.WrongExpectedRevision({ stream, expected, actual: outcome.actual }))
    }
    case "IdReused": {
      const { stream } = appends[outcome.index] as EncodedAppend
      return Effect.fail(new Errors.EventIdReused({ stream, id: outcome.id, problem: outcome.problem }))
    }
    case "Removed": {
      const { stream } = appends[outcome.index] as EncodedAppend
      return removal.refusal(driver, operation, stream)
    }
  }
}

/** The event store of a driver. */
export const make = (driver: Driver): EventStore["Service"] => {
  const { maxAppendBytes } = driver.capabilities

  // In one step, and not as a generator: it stands in the way of every append.
  const write = (
    operation: string,
    appends: ReadonlyArray<Append>
  ): Effect.Effect<ReadonlyArray<Appended>, AppendError> => {
    const put = (fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<ReadonlyArray<Appended>, AppendError> => {
      const flow = Metadata.forAppend(fiber)
      const generator = fiber.getRef(EventId.Generator)
      const clock = fiber.getRef(Clock.Clock)
      const now = clock.currentTimeMillisUnsafe()
      const encoded: Array<EncodedAppend> = []
      for (const append of appends) {
        const one = encode(append, flow, () => generator(now), maxAppendBytes)
        if (Result.isFailure(one)) return Effect.fail(Errors.because(operation, one.failure))
        encoded.push(one.success)
      }
      // Ids that were made here are new.
      const twice = encoded.every(({ idsAreNew }) => idsAreNew) ? undefined : repeatedId(encoded)
      if (twice !== undefined) {
        const problem = `two of the events given have the id ${twice}`
        return Effect.fail(Errors.because(operation, new Errors.InvalidRequest({ problem })))
      }
      const begun = clock.monotonicTimeNanosUnsafe()
      return Effect.flatMap(driver.append(encoded), (outcome) => {
        counts.append(fiber.context, encoded, outcome, clock.monotonicTimeNanosUnsafe() - begun)
        return resultsOf(driver, operation, outcome, encoded)
      })
    }
    return Effect.withFiber((fiber) =>
      spans.isTraced(fiber) ? spans.append(appends, Effect.withFiber(put)) : put(fiber)
    )
  }

  const reading = <A>(
    decode: (events: ReadonlyArray<EncodedRecorded>) => ReadonlyArray<A>,
    filter: EventFilter.EventFilter,
    options: ReadOptions = {}
  ): Stream.Stream<A, Errors.EventStoreError> => {
    const direction = options.direction ?? "forwards"
    const problem = readProblem(filter, options)
    if (problem !== undefined)
      return Stream.fail(Errors.because("EventStore.read", new Errors.InvalidRequest({ problem })))
    const limit = options.limit ?? Infinity
    if (limit === 0) return Stream.empty
    const step = direction === "forwards" ? 1 : -1
    // A stream is paged by revision: its own order, and no event of another stream can hold its pages up.
    const inStream = filter._tag === "Stream"
    const placeOf = (event: EncodedRecorded): number => (inStream ? event.revision : event.position)
    const endNow: Effect.Effect<number, Errors.EventStoreError> = inStream
      ? Effect.map(driver.streamRevision(filter.stream), (revision) => revision ?? -1)
      : driver.head
    // A read that one page does not finish ends where the log ends then: what is appended meanwhile is not chased.
    const fetch = Effect.fnUntraced(function* ({
      end,
      from,
      isFirst,
      left
    }: Place): Effect.fn.Return<Step<A, Place>, Errors.EventStoreError> {
      const read = driver.read({ filter, direction, from, limit: Math.min(left, pageSize), follows: false })
      const bounds = end === undefined && !isFirst && direction === "forwards"
      const [page, stop] = yield* Effect.all([read, bounds ? endNow : Effect.succeed(end)], { concurrency: 2 })
      const events = stop === undefined ? page.events : page.events.filter((event) => placeOf(event) <= stop)
      const rest = left - events.length
      const last = page.events.at(-1)
      // Where a whole page of a stream matched nothing, only its position is known.
      const byRevision = inStream && last !== undefined
      const passed = byRevision ? last.revision : page.through
      const atEnd = stop !== undefined && byRevision === inStream && passed >= stop
      if (page.done || rest <= 0 || passed + step < 0 || atEnd) return [decode(events), Option.none()]
      const next: ReadRequest["from"] = byRevision
        ? { _tag: "Revision", revision: Revision.make(passed + step) }
        : { _tag: "Position", position: Position.make(passed + step) }
      return [decode(events), Option.some({ from: next, left: rest, end: stop, isFirst: false })]
    })
    return pages({ from: encodeFrom(options.from), left: limit, end: undefined, isFirst: true }, (place: Place) =>
      spans.read(filter, fetch(place))
    )
  }

  return {
    capabilities: driver.capabilities,
    append: (stream, events, options) =>
      Effect.map(
        write("EventStore.append", [{ stream, events, ...options }]),
        (results) => results[0] ?? { revision: undefined, position: Position.beginning, repeated: false }
      ),
    appendAll: Effect.fnUntraced(function* (appends) {
      const unsupported = !driver.capabilities.appendAll
      if (unsupported) {
        return yield* Errors.because(
          "EventStore.appendAll",
          new Errors.Unsupported({ feature: "appending to several streams at once" })
        )
      }
      const twice = appends.find((one, i) => appends.findIndex((other) => other.stream === one.stream) !== i)
      if (twice !== undefined) {
        const problem = `stream ${twice.stream} is named twice; put its events into one append`
        return yield* Errors.because("EventStore.appendAll", new Errors.InvalidRequest({ problem }))
      }
      return appends.length === 0 ? [] : yield* write("EventStore.appendAll", appends)
    }),
    read: (filter, options) => reading(decodePage, filter, options),
    readEncoded: (filter, options) => reading((events) => events, filter, options),
    importEncoded: importing.make(driver),
    history: history.make(driver),
    subscribe: subscription.make(driver),
    find: (stream, id) =>
      Effect.map(driver.find(stream, id), (found) => (found === undefined ? undefined : decodeRecorded(found))),
    head: driver.head,
    streamRevision: driver.streamRevision,
    truncate: (stream, upTo) => {
      const refuse = (reason: Errors.Reason) => Effect.fail(Errors.because("EventStore.truncate", reason))
      // What happened stays: only what was made to be carried away may go.
      if (StreamName.category(stream) !== "$bus") {
        return refuse(
          new Errors.InvalidRequest({ problem: `${stream} holds no messages of a bus, and its events stay` })
        )
      }
      return driver.capabilities.truncate && driver.truncate !== undefined
        ? driver.truncate(stream, upTo)
        : refuse(new Errors.Unsupported({ feature: "removing old messages of the bus" }))
    },
    remove: removal.remove(driver),
    restore: removal.restore(driver),
    joinsTransaction: driver.joinsTransaction ?? Effect.succeed(false),
    obstacle: driver.obstacle ?? Effect.undefined
  }
}

const readProblem = (filter: EventFilter.EventFilter, { from, limit }: ReadOptions): string | undefined => {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    return `the limit is ${limit}, not a whole number from 0`
  }
  const place = from?.revision ?? from?.position
  if (place !== undefined && !(Number.isSafeInteger(place) && place >= 0)) {
    return `${place} is no place to read from: revisions and positions are whole numbers from 0`
  }
  if (from?.revision !== undefined && filter._tag !== "Stream") {
    return `a revision is a place in one stream, but ${EventFilter.describe(filter)} was asked for; use a position or a time`
  }
  return undefined
}

const encodeFrom = (from: ReadOptions["from"]): ReadRequest["from"] => {
  if (from === undefined) return undefined
  if (from.revision !== undefined) return { _tag: "Revision", revision: Revision.make(from.revision) }
  if (from.position !== undefined) return { _tag: "Position", position: from.position }
  return { _tag: "Time", time: DateTime.toEpochMillis(from.time) }
}
