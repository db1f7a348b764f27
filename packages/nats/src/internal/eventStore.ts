// The event store on JetStream: one stream is the log, a subject of it a stream of events, a message of it an append.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Scope } from "effect/Scope"
import type * as EventFilter from "evolvent/EventFilter"
import type { EventId } from "evolvent/EventId"
import type { Driver, EncodedAppend, EncodedRecorded } from "evolvent/EventStore"
import { because, Unsupported } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as StreamNames from "evolvent/StreamName"
import type { StreamName } from "evolvent/StreamName"
import * as append from "./append.ts"
import * as appendAll from "./appendAll.ts"
import type { Bucket } from "./bucket.ts"
import * as eventMessage from "./eventMessage.ts"
import type { EventMessage } from "./eventMessage.ts"
import { asStoreError, reading } from "./failures.ts"
import * as idClaims from "./idClaims.ts"
import type { JetStream, StreamInfo } from "./jetstream.ts"
import { base } from "./layout.ts"
import * as importEvents from "./importEvents.ts"
import * as logs from "./log.ts"
import * as messageEvents from "./messageEvents.ts"
import * as names from "./names.ts"
import * as removal from "./remove.ts"
import * as streamMessages from "./streamMessages.ts"
import * as streamReads from "./streamReads.ts"
import * as tailsOf from "./tails.ts"
import * as turns from "./turns.ts"
import * as witnesses from "./witness.ts"
import type { Witness } from "./witness.ts"

const removing =
  "removing streams from a log that was made to keep every message: make one with the option `removal`, and copy the store into it"

/** What a message has besides the data and metadata of its events: their frames, and the headers. */
const aside = 128 * 1024

/** The store in a stream that is there, with a bucket for the claims of event ids. */
export const make = (
  jetstream: JetStream,
  { config }: StreamInfo,
  ids: Bucket,
  isAtomic: boolean,
  witness: Witness = witnesses.make()
): Effect.Effect<Driver, never, Scope> =>
  Effect.gen(function* () {
    const prefix = base(config)
    const nameOf = eventMessage.naming(prefix)
    const decodeInto = (message: EventMessage, push: (event: EncodedRecorded) => void): void =>
      messageEvents.decode(message, nameOf(message.subject), push)
    const decode = (message: EventMessage): ReadonlyArray<EncodedRecorded> => {
      const found: Array<EncodedRecorded> = []
      decodeInto(message, (event) => found.push(event))
      return found
    }

    const subjectOf = (operation: string, stream: StreamName): Effect.Effect<string, EventStoreError> => {
      const subject = eventMessage.subjectOf(prefix, stream)
      if (Result.isSuccess(subject)) return Effect.succeed(subject.success)
      const [category, id] = [StreamNames.category(stream), StreamNames.id(stream)]
      const reason = new StreamNames.InvalidStreamName({ category, id, problem: subject.failure })
      return Effect.fail(because(`EventStore.${operation}`, reason))
    }

    /** The one subject of what a filter wants, where there is one. */
    const subjectOfFilter = (filter: EventFilter.EventFilter): string | undefined => {
      if (filter._tag === "Stream") return Result.getOrUndefined(eventMessage.subjectOf(prefix, filter.stream))
      const [one, other] = filter._tag === "Categories" ? filter.categories : []
      const category =
        one === undefined || other !== undefined ? undefined : Result.getOrUndefined(names.token(one.category))
      return category === undefined || category.length > names.longestSubject ? undefined : `${prefix}${category}.*`
    }

    const tails = tailsOf.make(jetstream, config.name)
    const claims = idClaims.make(jetstream, config.name, ids, (message, id) =>
      decode(message).some((event) => event.id === id)
    )
    const maxMessage = Effect.map(jetstream.client.server, ({ maxPayload }) =>
      typeof config["max_msg_size"] === "number" && config["max_msg_size"] > 0
        ? Math.min(maxPayload, config["max_msg_size"])
        : maxPayload
    )
    const parts = { jetstream, log: config.name, tails, claims, decode, maxMessage }
    const appendOne = append.make(parts)
    const several = appendAll.make(parts)
    const removeOne = removal.make(parts, appendOne)
    const inTurn = turns.make()

    const importPage = importEvents.make(parts, ids, (stream) => subjectOf("importEncoded", stream))

    const imported = importEvents.importedUpTo(ids)
    const log = logs.make({
      imported,
      jetstream,
      stream: config.name,
      subjectOf: subjectOfFilter,
      decode: decodeInto,
      witness
    })
    yield* Effect.addFinalizer(() => log.close)
    const messages = streamMessages.make(jetstream, config.name)
    const reads = streamReads.make({ jetstream, log, name: config.name, messages, decode })

    const one = (given: EncodedAppend): ReturnType<Driver["append"]> =>
      Effect.flatMap(subjectOf("append", given.stream), (subject) =>
        Effect.map(inTurn(subject, appendOne(given, subject)), (ended) =>
          ended._tag === "Appended" ? { _tag: "Appended", results: [ended.result] } : ended
        )
      )

    /** Looks through a whole stream. */
    const scan = (subject: string, id: EventId) =>
      Effect.scoped(
        Effect.gen(function* () {
          const feed = yield* messages.from(subject, 1)
          while (true) {
            const page = yield* feed.next(512, false)
            for (const message of page.messages) {
              const found = message.text().includes(id) ? decode(message).find((event) => event.id === id) : undefined
              if (found !== undefined) return found
            }
            if (page.atEnd) return undefined
          }
        })
      )

    return {
      capabilities: {
        idempotency: "forever",
        appendAll: isAtomic,
        // What happened stays: the stream refuses to lose a message. The bus has one of its own.
        truncate: false,
        import: true,
        remove: config["deny_purge"] !== true,
        restore: false,
        maxAppendBytes: Math.max(1024, (yield* maxMessage) - aside)
      },
      append: (appends) => {
        const [first, second] = appends
        if (first !== undefined && second === undefined) return one(first)
        return Effect.flatMap(
          Effect.forEach(appends, ({ stream }) => subjectOf("appendAll", stream)),
          (subjects) => several(appends, subjects, inTurn)
        )
      },
      read: (request) => {
        const { direction, filter, from } = request
        if (filter._tag === "Stream" && from?._tag !== "Position") {
          return Effect.flatMap(subjectOf("read", filter.stream), (subject) => reads.read(request, subject))
        }
        return direction === "forwards" ? log.forwards(request) : log.backwards(request)
      },
      history: (stream, from, limit) =>
        Effect.flatMap(subjectOf("history", stream), (subject) => reads.history(subject, from, limit)),
      follow: log.follow,
      find: (stream, id) =>
        Effect.flatMap(subjectOf("find", stream), (subject) =>
          Effect.mapError(claims.find(id), asStoreError("find")).pipe(
            Effect.flatMap((message) => {
              // Ids that derive from something are given with their events, and so they are claimed.
              if (message === "unclaimed") {
                return id[14] === "8" ? Effect.undefined : Effect.mapError(scan(subject, id), asStoreError("find"))
              }
              return message === undefined || message.subject !== subject
                ? Effect.undefined
                : reading("find", () => decode(message).find((event) => event.id === id))
            })
          )
        ),
      head: Effect.mapError(log.head, asStoreError("head")),
      newest: Effect.mapError(log.head, asStoreError("subscribe")),
      streamRevision: (stream) =>
        Effect.flatMap(subjectOf("streamRevision", stream), (subject) =>
          Effect.mapBoth(tails.fresh(subject), {
            onSuccess: (tail) => tail?.revision,
            onFailure: asStoreError("streamRevision")
          })
        ),
      remove: (given) =>
        config["deny_purge"] === true
          ? Effect.fail(because("EventStore.remove", new Unsupported({ feature: removing })))
          : Effect.flatMap(subjectOf("remove", given.stream), (subject) => inTurn(subject, removeOne(given, subject))),
      import: importPage,
      // Whoever follows the log does so by a feed of its own.
      listen: Effect.succeed(Effect.never),
      pollInterval: "Infinity"
    }
  })
