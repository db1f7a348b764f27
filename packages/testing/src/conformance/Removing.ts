// Removing: streams that laws remove, and what is left of them.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import type { EventId } from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import type { EncodedRecorded, Removal } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"

/** A stream that nobody else uses, with so many events in appends of several. */
export const filled = Effect.fnUntraced(function* (count: number, each = 1) {
  const store = yield* EventStore
  const stream = yield* Fresh.stream()
  for (let n = 0; n < count; n += each) yield* store.append(stream, Fresh.events(Math.min(each, count - n), n))
  return { stream, last: Revision.make(count - 1), events: yield* Contents.ofStream(stream) }
})

/** Removes a stream that ends at a revision. */
export const remove = (stream: StreamName.StreamName, expected: number, more: Partial<Removal> = {}) =>
  EventStore.use((store) => store.remove(stream, { as: "archived", expected: Revision.make(expected), ...more }))

/** Whether a store removes nothing; then it says so, and keeps what it has. */
export const cannot = Effect.gen(function* () {
  const { capabilities } = yield* EventStore
  if (capabilities.remove) return false
  const { stream } = yield* filled(2)
  const did = "removed a stream where that cannot be done"
  yield* Check.refusedBecause(did, remove(stream, 1), "Unsupported")
  yield* Contents.are(did, stream, [0, 1])
  return true
})

/** What a stream holds, as an archive has it. */
export const copied = (
  stream: StreamName.StreamName
): Effect.Effect<ReadonlyArray<EncodedRecorded>, unknown, EventStore> =>
  EventStore.use((store) => Stream.runCollect(store.readEncoded(EventFilter.stream(stream))))

/** Nothing is left of a stream but its tombstone, whoever looks for whatever and from wherever. */
export const isLeftOf = Effect.fnUntraced(function* (
  did: string,
  events: ReadonlyArray<{ readonly id: EventId; readonly stream: StreamName.StreamName; readonly category: string }>,
  expected: { readonly type: string; readonly data: unknown }
) {
  const store = yield* EventStore
  const [first] = events
  if (first === undefined) return
  const { category, stream } = first
  const left = yield* Contents.ofStream(stream)
  const [tombstone] = left
  yield* Check.equal(
    `${did}: the stream`,
    left.map(({ data, revision, type }) => ({ type, data, revision: Number(revision) })),
    [{ ...expected, revision: events.length }]
  )
  if (tombstone === undefined) return
  const filter = EventFilter.stream(stream)
  const { position, recordedAt, revision } = tombstone
  const later = DateTime.add(recordedAt, { days: 1 })
  const ways = [
    [EventFilter.category(category)],
    [EventFilter.category(category, { types: [tombstone.type] })],
    [filter, { direction: "backwards" }],
    [filter, { from: { revision: Revision.make(0) }, limit: 1 }],
    [filter, { from: { revision } }],
    [filter, { from: { position } }],
    [filter, { from: { position }, direction: "backwards" }],
    [filter, { from: { time: DateTime.subtract(recordedAt, { days: 1 }) } }],
    [filter, { from: { time: later }, direction: "backwards" }]
  ] as const
  for (const [way, options] of ways) {
    const found = yield* Contents.of(way, options ?? {})
    yield* Check.equal(`${did}: ${EventFilter.describe(way)} ${JSON.stringify(options)}`, found, left)
  }
  for (const from of [0, events.length - 1, events.length]) {
    const pages = yield* Contents.history(stream, { from: Revision.make(from) })
    yield* Check.equal(
      `${did}: its history from revision ${from}`,
      pages.map(({ revision, types }) => [Number(revision), types]),
      [[events.length, [expected.type]]]
    )
  }
  yield* Check.equal(`${did}: its revision`, yield* store.streamRevision(stream), revision)
  for (const { id } of [...events.slice(0, 2), ...events.slice(-2)]) {
    yield* Check.equal(`${did}: looked for one of its events`, yield* store.find(stream, id), undefined)
  }
  yield* Check.equal(`${did}: looked for the tombstone`, yield* store.find(stream, tombstone.id), tombstone)
})
