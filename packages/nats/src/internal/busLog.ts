// busLog: the log of core's bus on JetStream: messages are plain messages of a stream of their own, all else is in the log of events.
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Scope } from "effect/Scope"
import * as EventFilter from "evolvent/EventFilter"
import type { EventId } from "evolvent/EventId"
import type { Driver, EncodedAppend, EncodedPage, EncodedRecorded, Outcome, ReadRequest } from "evolvent/EventStore"
import { AppendTooLarge, because, UnstorableContent, Unsupported } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamNames from "evolvent/StreamName"
import type { StreamName } from "evolvent/StreamName"
import * as busMessage from "./busMessage.ts"
import type { Outgoing } from "./busMessage.ts"
import * as busPublish from "./busPublish.ts"
import { endOf, perMessage, sequenceOf } from "./eventMessage.ts"
import { asStoreError } from "./failures.ts"
import * as feed from "./feed.ts"
import type { JetStream, StoredMessage } from "./jetstream.ts"
import { base } from "./layout.ts"
import type { Layout } from "./layout.ts"
import * as logs from "./log.ts"
import * as witnesses from "./witness.ts"
import type { Witness } from "./witness.ts"

/** What a message has besides its data, and besides its headers at their longest. */
const aside = 66 * 1024

const isBus = (stream: StreamName): boolean => StreamNames.category(stream) === busMessage.category

/** Whether a filter means messages of the bus; undefined where it means other events as well. */
const isOfBus = (filter: EventFilter.EventFilter): boolean | undefined => {
  if (filter._tag === "Stream") return isBus(filter.stream)
  // Where its log begins, ends and is young: what concerns all of a bus's store concerns its messages.
  if (filter._tag === "All") return true
  const ofBus = filter.categories.filter(({ category }) => category === busMessage.category).length
  return ofBus === 0 ? false : ofBus === filter.categories.length ? true : undefined
}

const refuse = (operation: string, feature: string) =>
  Effect.fail(because(`EventStore.${operation}`, new Unsupported({ feature })))

const bothLogs = "messages of the bus and other events in one call, since NATS keeps them in two streams"

/**
 * The log of a bus, whose messages are in the stream `layout.bus`, over the log of events, which has everything else that a
 * bus writes down.
 *
 * It keeps less than other logs do, and a bus needs no more: an append of messages is not all or nothing, expects nothing of
 * its stream, and is known again for as long as the server remembers ids. Its revisions are numbers of messages: they rise
 * and have holes. Time is the server's.
 */
export const make = (
  jetstream: JetStream,
  layout: Layout,
  events: Driver,
  witness: Witness = witnesses.make()
): Effect.Effect<Driver, never, Scope> =>
  Effect.gen(function* () {
    const { name: stream } = layout.bus
    const prefix = base(layout.bus)
    const decode = (message: busMessage.Incoming): EncodedRecorded => busMessage.decode(prefix, stream, message)
    const decodeStored = ({ header, sequence, subject, text, time }: StoredMessage): EncodedRecorded =>
      decode({ header, sequence, subject, text, time: Date.parse(time) })

    const subjectsOf = (operation: string, name: StreamName): Effect.Effect<string, EventStoreError> => {
      const subjects = busMessage.subjectsOf(prefix, name)
      if (Result.isSuccess(subjects)) return Effect.succeed(subjects.success)
      const [category, id] = [StreamNames.category(name), StreamNames.id(name)]
      const reason = new StreamNames.InvalidStreamName({ category, id, problem: subjects.failure })
      return Effect.fail(because(`EventStore.${operation}`, reason))
    }

    const subjectOfFilter = (filter: EventFilter.EventFilter): string | undefined =>
      filter._tag === "Stream" ? Result.getOrUndefined(busMessage.subjectsOf(prefix, filter.stream)) : undefined

    const log = logs.make({
      imported: Effect.succeed(0),
      jetstream,
      stream,
      subjectOf: subjectOfFilter,
      decode: (message, push) => push(decode(message)),
      witness
    })
    yield* Effect.addFinalizer(() => log.close)
    const publish = busPublish.make(jetstream, stream, decodeStored)
    const maxMessage = Effect.map(jetstream.client.server, ({ maxPayload }) => maxPayload)

    const lastOf = (name: StreamName, operation: string) =>
      Effect.flatMap(subjectsOf(operation, name), (subjects) =>
        Effect.mapError(jetstream.last(stream, subjects), asStoreError(operation))
      )

    const append = Effect.fnUntraced(function* (one: EncodedAppend): Effect.fn.Return<Outcome, EventStoreError> {
      const name = one.stream
      if (one.expected !== "any") {
        return yield* refuse(
          "append",
          `an append to ${name} that expects something: messages of the bus are for whoever comes`
        )
      }
      if (one.events.length === 0) {
        const last = yield* lastOf(name, "append")
        const revision = last === undefined ? undefined : Revision.make(last.sequence)
        return { _tag: "Appended", results: [{ revision, position: Position.beginning, repeated: false }] }
      }
      const maxBytes = yield* maxMessage
      const messages: Array<Outgoing> = []
      // Nothing is sent unless all of it can be.
      for (const event of one.events) {
        const made = busMessage.encode(prefix, name, event)
        if (Result.isFailure(made)) {
          const reason = new UnstorableContent({ stream: name, type: event.type, problem: made.failure })
          return yield* because("EventStore.append", reason)
        }
        const { headers, payload } = made.success
        const bytes = Buffer.byteLength(payload) + busMessage.headersSize(headers)
        if (bytes > maxBytes) {
          return yield* because("EventStore.append", new AppendTooLarge({ stream: name, bytes, maxBytes }))
        }
        messages.push(made.success)
      }
      return yield* Effect.mapError(publish(one, messages), asStoreError("append"))
    })

    /** The first message at a place or behind it: what most reads of one message ask for. */
    const first = (request: ReadRequest, sequence: number): Effect.Effect<EncodedPage, EventStoreError> =>
      Effect.flatMap(
        Effect.mapError(
          jetstream.next(stream, subjectOfFilter(request.filter) ?? `${prefix}>`, Math.max(1, sequence)),
          asStoreError("read")
        ),
        (message) => {
          if (message === undefined) return log.forwards(request)
          const event = decodeStored(message)
          return EventFilter.predicate(request.filter)(event)
            ? Effect.succeed({ events: [event], through: event.position, done: false })
            : log.forwards(request)
        }
      )

    const read = (request: ReadRequest): Effect.Effect<EncodedPage, EventStoreError> => {
      const { direction, from, limit } = request
      const forwards = direction === "forwards"
      if (from?._tag === "Revision") {
        const position = forwards ? Position.make(from.revision * perMessage) : endOf(from.revision)
        return read({ ...request, from: { _tag: "Position", position } })
      }
      if (!forwards) return log.backwards(request)
      return limit === 1 && from?._tag === "Position"
        ? first(request, sequenceOf(from.position))
        : log.forwards(request)
    }

    /** Looks through a stream of the bus. There is no index of ids: whoever knows the revision reads that. */
    const scan = Effect.fnUntraced(function* (
      name: StreamName,
      id: EventId
    ): Effect.fn.Return<EncodedRecorded | undefined, EventStoreError> {
      const filter = EventFilter.stream(name)
      let from: ReadRequest["from"]
      while (true) {
        const page: EncodedPage = yield* log.forwards({
          filter,
          direction: "forwards",
          from,
          limit: 500,
          follows: false
        })
        const found = page.events.find((event) => event.id === id)
        if (found !== undefined || page.done) return found
        from = { _tag: "Position", position: Position.make(page.through + 1) }
      }
    })

    /** The number of the first message that was stored at a time or later, of some subjects. */
    const since = (subjects: string, time: number) =>
      Effect.scoped(
        Effect.gen(function* () {
          const one = yield* feed.open(jetstream, stream, subjects, { time })
          const { messages } = yield* one.next(1, false)
          return messages[0]?.sequence ?? Infinity
        })
      )

    const head = Effect.mapError(log.head, asStoreError("head"))
    return {
      capabilities: {
        idempotency: Duration.millis(layout.settings.duplicateWindow),
        appendAll: false,
        truncate: true,
        import: false,
        remove: false,
        restore: false,
        maxAppendBytes: Math.max(1024, Math.min(events.capabilities.maxAppendBytes, (yield* maxMessage) - aside))
      },
      append: (appends) => {
        const [one, second] = appends
        if (one !== undefined && second === undefined && isBus(one.stream)) return append(one)
        return appends.some(({ stream: name }) => isBus(name)) ? refuse("appendAll", bothLogs) : events.append(appends)
      },
      read: (request) => {
        const is = isOfBus(request.filter)
        return is === undefined ? refuse("read", bothLogs) : is ? read(request) : events.read(request)
      },
      follow: (filter, after) => {
        const is = isOfBus(filter)
        if (is === undefined) return refuse("subscribe", bothLogs)
        if (is) return log.follow(filter, after)
        return events.follow?.(filter, after) ?? refuse("subscribe", "following other events than messages of the bus")
      },
      find: (name, id) => (isBus(name) ? scan(name, id) : events.find(name, id)),
      head,
      newest: head,
      streamRevision: (name) =>
        isBus(name)
          ? Effect.map(lastOf(name, "streamRevision"), (last) =>
              last === undefined ? last : Revision.make(last.sequence)
            )
          : events.streamRevision(name),
      truncate: Effect.fnUntraced(
        function* (name, { before, recordedBefore }) {
          const subjects = yield* subjectsOf("truncate", name)
          const last = yield* jetstream.last(stream, subjects)
          if (last === undefined) return
          const young = yield* since(subjects, DateTime.toEpochMillis(recordedBefore))
          // The last one stays, as in other logs.
          const kept = Math.min(sequenceOf(before), young, last.sequence)
          if (kept > 1) yield* jetstream.purge(stream, subjects, kept)
        },
        Effect.mapError((error) => (error._tag === "EventStoreError" ? error : asStoreError("truncate")(error)))
      ),
      // Whoever follows the log does so by a feed of its own.
      listen: Effect.succeed(Effect.never),
      pollInterval: "Infinity"
    }
  })
