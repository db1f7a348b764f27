// auditTree: what caused an event and what it led to, found by reading the log.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type { EventId } from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import { because, InvalidRequest } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { StreamName } from "../StreamName.ts"
import { EventNotFound } from "./auditErrors.ts"
import { forest } from "./auditForest.ts"
import type { Node } from "./auditForest.ts"
import * as search from "./auditSearch.ts"
import { between } from "./between.ts"
import type { Place, Range } from "./between.ts"

/** Where to look for an event, its causes and its effects. */
export interface TreeOptions extends Range {
  /** The stream of the event, where that is known: then it is found at once. */
  readonly stream?: StreamName
  /** Among which events to look; all unless given. */
  readonly filter?: EventFilter.EventFilter
  /** How many causes, how many effects and how many other events of the conversation, at most; 10 000 unless given. */
  readonly limit?: number
}

/** What caused an event, and what it led to. */
export interface Tree {
  readonly event: Recorded
  /** From the farthest that was found to the direct one: each led to the next. */
  readonly causes: ReadonlyArray<Recorded>
  /** The id of what caused the farthest of them, where that was not found. */
  readonly missing: string | undefined
  readonly effects: ReadonlyArray<Node>
  /**
   * Later events of the same conversation whose cause was not found, with what they led to: whether they are effects of
   * this event can no longer be seen.
   */
  readonly orphans: ReadonlyArray<Node>
  /** Of what there is more than the limit allows. */
  readonly hasMore: { readonly causes: boolean; readonly effects: boolean; readonly orphans: boolean }
}

const mostUnlessGiven = 10_000

/**
 * What caused an event, back to the first cause, and what it led to, across all streams.
 *
 * Each event of a reaction names the event that it reacted to (see `Metadata`): that is what the tree is made of. It is
 * found by reading the log, once back from the event to its first cause and once on from the event to `to`; without
 * `stream` the event itself is looked for from the end on. Only what belongs to the tree, or to the conversation, is kept.
 * A cause that is nowhere between `from` and the event (archived, of another store, before `from`) ends the way back:
 * `missing` names it. Where it is missing on the way from the event to an effect, that effect is among the `orphans`.
 *
 * Other things that the same causes led to are in the tree of a cause: ask for `causes[0]`.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Audit from "evolvent/Audit"
 * import * as EventId from "evolvent/EventId"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as Metadata from "evolvent/Metadata"
 * import * as StreamName from "evolvent/StreamName"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore
 *   const append = Effect.fnUntraced(function* (category: string, type: string) {
 *     const id = yield* EventId.generate
 *     yield* store.append(StreamName.make(category, "7"), [{ id, type, data: {} }])
 *     return { id, metadata: yield* Metadata.Current }
 *   })
 *   const placed = yield* append("Order", "Placed")
 *   // What reactors and process managers do by themselves:
 *   const charged = yield* append("Card", "Charged").pipe(Metadata.inReactionTo(placed))
 *   yield* append("Order", "Paid").pipe(Metadata.inReactionTo(charged))
 *   const tree = yield* Audit.tree(charged.id)
 *   return Audit.render(tree, { line: ({ stream, type }) => `${stream} ${type}` }).split("\n")
 * })
 * const expected = ["Order-7 Placed", "→ Card-7 Charged ◀", "  └─ Order-7 Paid"]
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer))) // => expected
 * ```
 */
export const tree = Effect.fnUntraced(function* (
  id: EventId,
  options: TreeOptions = {}
): Effect.fn.Return<Tree, EventNotFound | EventStoreError, EventStore> {
  const { filter = EventFilter.all(), from, limit = mostUnlessGiven, stream, to } = options
  const range: Range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  if (!(Number.isSafeInteger(limit) && limit >= 0)) {
    const problem = `the limit is ${limit}, not a whole number from 0`
    return yield* because("Audit.tree", new InvalidRequest({ problem }))
  }
  const store = yield* EventStore
  const known = stream === undefined ? undefined : yield* store.find(stream, id)
  if (known === undefined && stream !== undefined) {
    return yield* new EventNotFound({ id, lookedAt: `the events of stream ${stream}` })
  }
  const back = search.causes(id, known, limit)
  if (back.result().wanted !== undefined) {
    yield* read(filter, known === undefined ? range : before(known, range), "backwards", back.goesOn)
  }
  const { event, found, wanted } = back.result()
  if (event === undefined) return yield* new EventNotFound({ id, lookedAt: inWords(filter, range) })
  const causes = found.slice(0, limit)
  const hasMoreCauses = found.length > limit

  const on = search.effects(event, limit)
  const after: Place = { position: Position.make(event.position + 1) }
  yield* read(filter, { ...range, from: after }, "forwards", on.goesOn)

  const lost = new Set(forest(on.others).flatMap(({ event }) => event.metadata.causationId ?? []))
  for (const { id } of causes) lost.delete(id)
  if (lost.size > 0) yield* read(filter, range, "backwards", search.absent(lost).goesOn)
  return {
    event,
    causes: causes.toReversed(),
    missing: hasMoreCauses ? undefined : wanted,
    effects: forest([event, ...on.found])[0]?.effects ?? [],
    orphans: forest(on.others).filter(({ event }) => lost.has(event.metadata.causationId ?? "")),
    hasMore: { causes: hasMoreCauses, effects: on.hasMore.effects, orphans: on.hasMore.others }
  }
})

/** What stands before an event, within a range. */
const before = ({ position }: Recorded, range: Range): Range => ({
  ...range,
  to: { position: Position.make(Math.max(0, position - 1)) }
})

/** Reads pages for as long as they are wanted. */
const read = (
  filter: EventFilter.EventFilter,
  range: Range,
  direction: "forwards" | "backwards",
  goesOn: (page: ReadonlyArray<Recorded>) => boolean
): Effect.Effect<void, EventStoreError, EventStore> =>
  Stream.runForEachWhile(Stream.chunks(between(filter, range, direction)), (page) => Effect.sync(() => goesOn(page)))

const inWords = (filter: EventFilter.EventFilter, { from, to }: Range): string => {
  const place = ({ position, time }: Place): string =>
    time === undefined ? `position ${position}` : DateTime.formatIso(time)
  return [
    EventFilter.describe(filter),
    ...(from === undefined ? [] : [`from ${place(from)} on`]),
    ...(to === undefined ? [] : [`up to ${place(to)}`])
  ].join(", ")
}
