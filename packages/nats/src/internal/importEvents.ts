// importEvents: a page of another store's events as messages behind the end of the log, each under the number before it.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { followProblem } from "evolvent/EventStore"
import type { EncodedImport, EncodedRecorded, Imported } from "evolvent/EventStore"
import { because } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Revision from "evolvent/Revision"
import { isTombstone } from "evolvent/Tombstone"
import { never } from "./bucket.ts"
import type { Bucket } from "./bucket.ts"
import type { Parts } from "./append.ts"
import { sizeProblem } from "./append.ts"
import { body, endOf, grown, headers, perMessage, sequenceOf } from "./eventMessage.ts"
import type { Tail } from "./eventMessage.ts"
import { asStoreError } from "./failures.ts"
import type { Failure } from "./jetstream.ts"
import { isWrongLast } from "./jetstream.ts"

/** The key, beside the claims of ids, under which stands up to which message the log was imported. */
const mark = "imported"

/** The number of the last message that was imported, 0 for none: up to there messages are older than the server knows. */
export const importedUpTo = (ids: Bucket): Effect.Effect<number, Failure> =>
  Effect.map(ids.get(mark), (entry) => Number(entry?.value ?? 0))

/** Events that are to be one message. */
interface Group {
  readonly subject: string
  readonly index: number
  readonly events: Array<EncodedRecorded>
  bytes: number
}

// What a message has besides: its headers, and what frames its events.
const aside = 8 * 1024
const perEvent = 256

const sizeOf = ({ data, metadata, type }: EncodedRecorded): number =>
  Buffer.byteLength(data) + Buffer.byteLength(metadata) + 2 * Buffer.byteLength(type) + perEvent

/** A line break between the parts of a JSON text means nothing; in a message it would end a line. */
const onOneLine = (text: string): string => (text.includes("\n") ? text.replaceAll("\n", " ") : text)

/** An event as a message holds it. A driver may make its texts when they are asked for. */
const onLines = (event: EncodedRecorded) => ({
  id: event.id,
  type: event.type,
  schemaVersion: event.schemaVersion,
  data: onOneLine(event.data),
  metadata: onOneLine(event.metadata)
})

/** Neighbours of one stream that were recorded at one time: mostly what was one append. */
const groupsOf = (
  events: ReadonlyArray<EncodedRecorded>,
  subjects: ReadonlyArray<string>,
  maxBytes: number
): ReadonlyArray<Group> => {
  const groups: Array<Group> = []
  for (const [index, event] of events.entries()) {
    const subject = subjects[index] ?? ""
    const bytes = sizeOf(event)
    const last = groups.at(-1)
    const before = last?.events.at(-1)
    if (
      last?.subject === subject &&
      before !== undefined &&
      before.recordedAt === event.recordedAt &&
      // A removal that is asked for again finds its tombstone by the message, and takes what is before that.
      !isTombstone(event) &&
      !isTombstone(before) &&
      before.revision + 1 === event.revision &&
      last.events.length < perMessage &&
      last.bytes + bytes + aside <= maxBytes
    ) {
      last.events.push(event)
      last.bytes += bytes
    } else groups.push({ subject, index, events: [event], bytes })
  }
  return groups
}

/** The imports of a store. */
export const make = (
  { claims, jetstream, log, maxMessage, tails }: Parts,
  ids: Bucket,
  subjectOf: (stream: EncodedRecorded["stream"]) => Effect.Effect<string, EventStoreError>
) => {
  const lastSequence = Effect.map(jetstream.info(log), (found) => found?.state.last_seq ?? 0)
  const moved = Effect.map(lastSequence, (last): Imported => ({ _tag: "Moved", newest: endOf(last) }))

  /** Up to this message times are those of elsewhere. */
  const remember = Effect.fnUntraced(function* (sequence: number) {
    while (true) {
      const entry = yield* ids.get(mark)
      if (Number(entry?.value ?? 0) >= sequence) return
      const value = String(sequence)
      const isMine = (there: { readonly value: string | undefined }) => there.value === value
      if ((yield* ids.set(mark, value, entry?.revision ?? never, isMine)) !== undefined) return
    }
  })

  const page = Effect.fnUntraced(function* ({
    behind,
    events
  }: EncodedImport): Effect.fn.Return<Imported, Failure | EventStoreError> {
    const base = sequenceOf(behind)
    if ((yield* lastSequence) !== base) return yield* moved
    const subjects = yield* Effect.forEach(events, ({ stream }) => subjectOf(stream))
    const ends = new Map<string, Tail | undefined>()
    yield* Effect.forEach(
      new Set(subjects),
      (subject) =>
        Effect.map(tails.fresh(subject), (tail) => {
          ends.set(subject, tail)
        }),
      { concurrency: 128, discard: true }
    )
    const maxBytes = yield* maxMessage
    const messages: Array<{
      readonly group: Group
      readonly tail: Tail | undefined
      readonly linked: Tail | undefined
      readonly text: string
    }> = []
    for (const [i, group] of groupsOf(events, subjects, maxBytes).entries()) {
      const { index, subject } = group
      const [first] = group.events as [EncodedRecorded]
      const tail = ends.get(subject)
      const problem = followProblem(first, tail)
      if (problem !== undefined) return { _tag: "Misplaced", index, problem }
      // Where those before it were removed, nothing is behind which it stands.
      const before = first.revision === 0 ? undefined : { revision: Revision.make(first.revision - 1) }
      const text = body(group.events.map(onLines), before, first.recordedAt)
      // Behind a hole nothing is to be looked for.
      const linked = tail !== undefined && first.revision > tail.revision + 1 ? undefined : tail
      const append = { ...first, expected: "any", events: group.events, idsAreNew: false } as const
      const tooLarge = sizeProblem(append, text, headers(group.events, linked, true), maxBytes)
      if (tooLarge !== undefined) return yield* because("EventStore.importEncoded", tooLarge)
      messages.push({ group, tail, linked, text })
      const end = grown(linked, base + i + 1, group.events, first.recordedAt, true)
      ends.set(subject, { ...end, revision: (group.events.at(-1) ?? first).revision })
    }

    // Before the messages, as with every append: whoever repeats one of these ids finds them.
    const claimed = yield* Effect.forEach(
      messages.flatMap(({ group, tail }) =>
        group.events.map(({ id }, i) => ({ id, index: group.index + i, subject: group.subject, tail }))
      ),
      ({ id, index, subject, tail }) =>
        Effect.map(claims.assign(id, subject, tail?.sequence ?? 0), (isStored) =>
          isStored ? { id, index } : undefined
        ),
      { concurrency: 256 }
    )
    const known = claimed.find((one) => one !== undefined)
    if (known !== undefined) {
      return { _tag: "Misplaced", index: known.index, problem: `its id ${known.id} is stored already` }
    }
    yield* remember(base + messages.length)

    // On their way all at once, in their order: who comes too late for its number is refused, and with it all behind it.
    const answers = yield* Effect.forEach(
      messages.entries(),
      ([i, { group, linked, tail, text }]) => {
        const under = ["Nats-Expected-Last-Sequence", String(base + i)] as const
        const sent = [...headers(group.events, linked, true), under]
        return Effect.result(jetstream.publish(group.subject, text, sent, tail?.sequence ?? 0))
      },
      { concurrency: 256 }
    )
    for (const { subject } of messages.map(({ group }) => group)) tails.forget(subject)
    for (const [i, answer] of answers.entries()) {
      if (Result.isFailure(answer)) return isWrongLast(answer.failure) ? yield* moved : yield* answer.failure
      const { duplicate, sequence } = answer.success
      if (duplicate || sequence !== base + i + 1) return yield* moved
    }
    return { _tag: "Imported", last: endOf(base + messages.length) }
  })

  /** What seems misplaced where the log went on meanwhile was looked at too late. */
  const settled = (request: EncodedImport) =>
    Effect.flatMap(page(request), (outcome) =>
      outcome._tag !== "Misplaced"
        ? Effect.succeed(outcome)
        : Effect.flatMap(lastSequence, (last) =>
            last === sequenceOf(request.behind) ? Effect.succeed(outcome) : moved
          )
    )

  return (request: EncodedImport): Effect.Effect<Imported, EventStoreError> =>
    Effect.mapError(settled(request), (error) =>
      error._tag === "EventStoreError" ? error : asStoreError("importEncoded")(error)
    )
}
