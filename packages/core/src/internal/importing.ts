// importing: a page of another store's events, checked as far as that goes without looking, and handed to the driver.
import * as Effect from "effect/Effect"
import type { Driver, EncodedRecorded, EventStore } from "../EventStore.ts"
import * as Errors from "../EventStoreError.ts"
import type { EventId } from "../EventId.ts"
import type { Position } from "../Position.ts"
import type { Revision } from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import type { StreamName as Name } from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"

/** The imports of a driver. */
export const make = (driver: Driver): EventStore["Service"]["importEncoded"] => {
  const store = driver.import
  if (store === undefined) {
    const reason = new Errors.Unsupported({ feature: "importing the events of another store" })
    return () => Effect.fail(Errors.because("EventStore.importEncoded", reason))
  }
  return (request) => {
    if (request.events.length === 0) return Effect.succeed({ _tag: "Imported", last: request.behind })
    const problem = problemOf(request.events)
    return problem === undefined ? store(request) : Effect.succeed({ _tag: "Misplaced", ...problem })
  }
}

const problemOf = (
  events: ReadonlyArray<EncodedRecorded>
): { readonly index: number; readonly problem: string } | undefined => {
  const ids = new Set<EventId>()
  const lasts = new Map<Name, { readonly revision: Revision; readonly recordedAt: number }>()
  for (const [index, event] of events.entries()) {
    if (ids.has(event.id)) return { index, problem: `its id ${event.id} comes twice` }
    const last = lasts.get(event.stream)
    // What the driver knows of the stream counts for its first one.
    const problem = last === undefined ? undefined : followProblem(event, last)
    if (problem !== undefined) return { index, problem }
    ids.add(event.id)
    lasts.set(event.stream, event)
  }
  return undefined
}

/** An event at a place in another log. Field by field: a driver's own kind of event may make its texts when they are asked for. */
export const standing = (event: EncodedRecorded, position: Position): EncodedRecorded => ({
  id: event.id,
  stream: event.stream,
  category: event.category,
  revision: event.revision,
  position,
  type: event.type,
  schemaVersion: event.schemaVersion,
  data: event.data,
  metadata: event.metadata,
  recordedAt: event.recordedAt
})

/** Whether a stream may begin with an event: with its first one, or where those before it were removed. */
export const mayBegin = ({ category, revision, type }: EncodedRecorded): boolean =>
  revision === 0 || Tombstone.isTombstone({ type }) || StreamName.isSystemCategory(category)

/** Why an event cannot follow the last one of its stream, which is undefined where there is none. */
export const followProblem = (
  event: EncodedRecorded,
  last: { readonly revision: number; readonly recordedAt: number } | undefined
): string | undefined => {
  const { recordedAt, revision, stream } = event
  if (last === undefined) {
    return mayBegin(event) ? undefined : `stream ${stream} has no events here, and this one has revision ${revision}`
  }
  // Where copies follow each other, what was appended between two of them may have gone with the removal.
  const isLeft = Tombstone.isTombstone(event) && revision > last.revision
  if (revision !== last.revision + 1 && !isLeft) {
    return `stream ${stream} is at revision ${last.revision} here, and this one has revision ${revision}`
  }
  return recordedAt < last.recordedAt
    ? `it was recorded at ${new Date(recordedAt).toISOString()}, before the event that it follows in stream ${stream}`
    : undefined
}
