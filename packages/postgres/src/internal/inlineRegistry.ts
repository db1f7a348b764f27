// inlineRegistry: the projections that this process keeps in its appends, and how a page of events goes into their rows.
import * as Effect from "effect/Effect"
import type { Recorded } from "evolvent/EventData"
import type { EncodedAppend } from "evolvent/EventStore"
import { because, InvalidRequest, Unavailable } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import type { ReadModelStore, ReadModelStoreError, Table } from "evolvent/ReadModelStore"
import { entryOf } from "./sql/functions/refuseUnaware.ts"

/** A projection that was registered here. */
export interface Registered {
  readonly name: string
  readonly version: number
  /** The name of the checkpoint that its processor would have. */
  readonly checkpoint: string
  readonly category: string
  readonly table: Table
  /** Folds events of its category into its rows, in the transaction of the surroundings; other types are passed over. */
  readonly keep: (events: ReadonlyArray<Recorded>) => Effect.Effect<void, EventStoreError>
}

/** The projections of a process. */
export interface Registry {
  readonly add: (registered: Registered) => void
  readonly get: (checkpoint: string) => Registered | undefined
  /** Whether any of these appends goes into a category of a projection. */
  readonly touches: (appends: ReadonlyArray<EncodedAppend>) => boolean
  /** What a transaction tells the database that it keeps. */
  readonly announcement: () => string
}

const operation = "EventStore.append"

const refused = (problem: string) => because(operation, new InvalidRequest({ problem }))

/** A projection as it is kept by appends to one category. */
export const registered = <Name extends string, Row, Index extends string>(
  projection: Projection.Projection<Name, Row, Index>,
  category: string,
  store: ReadModelStore["Service"]
): Registered => {
  const { name, table, version } = projection
  const changes = Projection.changes(projection)
  const inline = `the projection "${name}", which is kept in the append's own transaction`
  const unkept = (error: ReadModelStoreError): EventStoreError => {
    const problem = `${inline}, could not be: ${error.message}`
    return error.isRetryable ? because(operation, new Unavailable({ problem, cause: error })) : refused(problem)
  }
  return {
    name,
    version,
    checkpoint: Processor.projection(projection).checkpoint,
    category,
    table,
    keep: (events) =>
      changes(store, events).pipe(
        Effect.flatMap((rows) => (rows.length === 0 ? Effect.void : store.apply(table, rows))),
        Effect.catchTags({
          EventFailed: ({ event, problem }) => {
            const { id, revision, stream, type } = event
            const what = `event ${id} of type "${type}" in stream ${stream} at revision ${revision}`
            return Effect.fail(refused(`${inline}, failed on ${what}: ${problem.replace(/\.$/, "")}`))
          },
          ReadModelStoreError: (error) => Effect.fail(unkept(error))
        })
      )
  }
}

/** The registry of a store, empty. */
export const make = (schema: string): Registry => {
  const byCheckpoint = new Map<string, Registered>()
  const categories = new Set<string>()
  let announcement = "[]"
  return {
    add: (one) => {
      byCheckpoint.set(one.checkpoint, one)
      categories.add(one.category)
      announcement = JSON.stringify(
        [...byCheckpoint.values()].map(({ category, checkpoint }) => entryOf(schema, category, checkpoint))
      )
    },
    get: (checkpoint) => byCheckpoint.get(checkpoint),
    touches: (appends) => categories.size > 0 && appends.some(({ category }) => categories.has(category)),
    announcement: () => announcement
  }
}
