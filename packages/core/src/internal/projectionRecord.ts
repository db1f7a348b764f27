// projectionRecord: with which definition a read model was built, and what becomes of it: a stream for each version.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import type { EventStore } from "../EventStore.ts"
import { because } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import * as Position from "../Position.ts"
import type { Projection } from "../Projection.ts"
import type { Table } from "../ReadModelStore.ts"
import type { Revision } from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { canonical } from "./json.ts"
import { ProjectionChanged, ProjectionMoved } from "./processorErrors.ts"
import { hexDigest } from "./sha256.ts"

/** A rebuild: which one, and of which definition. */
export interface Rebuild {
  readonly id: string
  readonly fingerprint: string
}

/** What is known of a read model. */
export interface Record {
  /** Where the stream of it stands; undefined when nobody ever kept it. */
  readonly revision: Revision | undefined
  /** The definition that its rows are made by. */
  readonly live: string | undefined
  /** The rebuild that is under way. */
  readonly building: Rebuild | undefined
  /** The rebuild that has switched and died before it could say so; what else is said here counts that in. */
  readonly unsaid: string | undefined
  /** The rebuild that replaced the rows before, which are kept under its name. */
  readonly previous: string | undefined
  readonly isRetired: boolean
}

type Change =
  | { readonly type: "Begun"; readonly data: { readonly fingerprint: string } }
  | { readonly type: "RebuildStarted"; readonly data: Rebuild }
  | {
      readonly type: "RebuildSwitched" | "RebuildCancelled" | "PreviousDropped" | "Retired" | "RowsDropped"
      readonly data: { readonly id: string }
    }
  | { readonly type: "RowsRebuilt"; readonly data: { readonly keys: ReadonlyArray<string> } }

const nothing: Record = {
  revision: undefined,
  live: undefined,
  building: undefined,
  unsaid: undefined,
  previous: undefined,
  isRetired: false
}

const evolve = (record: Record, { data, type }: Change): Record => {
  switch (type) {
    case "Begun":
      return { ...record, live: data.fingerprint, isRetired: false }
    case "RebuildStarted":
      return { ...record, building: data }
    case "RebuildSwitched":
      return record.building?.id === data.id ? switched(record) : record
    case "RebuildCancelled":
      return record.building?.id === data.id ? { ...record, building: undefined } : record
    case "PreviousDropped":
      return record.previous === data.id ? { ...record, previous: undefined } : record
    case "Retired":
      return { ...record, live: undefined, building: undefined, isRetired: true }
    // For those who watch the rows.
    case "RowsRebuilt":
    case "RowsDropped":
      return record
  }
}

const switched = (record: Record): Record =>
  record.building === undefined
    ? record
    : {
        ...record,
        live: record.building.fingerprint,
        previous: record.building.id,
        building: undefined,
        isRetired: false
      }

interface Named {
  readonly name: string
  readonly version: number
}

const streamOf = ({ name, version }: Named): Effect.Effect<StreamName.StreamName, EventStoreError> =>
  Effect.mapError(Effect.fromResult(StreamName.fromParts("$projection", `${name}@${version}`)), (reason) =>
    because("Processor.rebuild", reason)
  )

/**
 * The checkpoint that a rebuild's switch moves to 1: it commits with the rows, so it knows best. Who gives the rebuild up moves
 * it to 2, and then it cannot switch any more.
 */
export const switchOf = ({ name, version }: Named, id: string): string => `rebuild/${name}@${version}/${id}/switch`

/** The table of a rebuild's rows; after the switch, of those that were read before. */
export const tableOf = (table: Table, id: string): Table => ({
  ...table,
  name: `${table.name} rebuild ${id.slice(-12)}`
})

/** What is known of a read model now. */
export const read = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  checkpoints: CheckpointStore["Service"],
  projection: Named
): Effect.fn.Return<Record, EventStoreError | CheckpointStoreError> {
  const stream = yield* streamOf(projection)
  let record = nothing
  yield* Stream.runForEach(store.read(EventFilter.stream(stream)), (event) =>
    Effect.sync(() => {
      record = { ...evolve(record, changeOf(event)), revision: event.revision }
    })
  )
  if (record.building === undefined) return record
  const { id } = record.building
  const { position } = yield* checkpoints.load(switchOf(projection, id))
  if (position === 1) return { ...switched(record), unsaid: id }
  // Given up, and nobody has said so yet.
  return position > 1 ? { ...record, building: undefined } : record
})

/** Makes sure that a rebuild does not switch any more; false where it has switched already. */
export const giveUp = Effect.fnUntraced(function* (
  checkpoints: CheckpointStore["Service"],
  projection: Named,
  id: string
): Effect.fn.Return<boolean, CheckpointStoreError> {
  const name = switchOf(projection, id)
  const move = { name, from: Position.beginning, to: Position.make(2) }
  return yield* checkpoints.advance(move).pipe(
    Effect.as(true),
    Effect.catchTags({
      CheckpointMoved: ({ actual }) => Effect.succeed(actual !== 1),
      LeaseLost: Effect.die
    })
  )
})

// Only this module writes these streams, in the shapes above.
const changeOf = ({ data, type }: Recorded): Change => ({ type, data }) as unknown as Change

/** Adds to what is known, unless somebody else did since it was read: then nothing is written, and the answer is false. */
export const write = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  projection: Named,
  after: Record | "whatever",
  { data, type }: Change
): Effect.fn.Return<boolean, EventStoreError> {
  const stream = yield* streamOf(projection)
  const expected = after === "whatever" ? "any" : (after.revision ?? "noStream")
  // What comes of a rebuild comes of it once.
  const id = type === "RebuildSwitched" ? { id: EventId.derive(stream, data.id, 0) } : {}
  return yield* Metadata.detached(
    store.append(stream, [{ type, data: data as unknown as Json, ...id }], { expected })
  ).pipe(
    Effect.as(true),
    Effect.catchTags({ WrongExpectedRevision: () => Effect.succeed(false), EventIdReused: () => Effect.succeed(true) })
  )
})

/** What makes rows: their shape, their indexes, the events they are made of, whose they are, and the version. */
export const fingerprint = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): string => {
  const { handles, isKeyedByStream, row, table, version } = projection
  // Without what is only read for the sake of old versions: that an event got a history makes no other rows.
  const filter = EventFilter.categories(handles)
  const parts = { filter, isKeyedByStream, indexes: table.indexes, row: fingerprintOf(row, version) }
  return hexDigest(canonical(JSON.parse(JSON.stringify(parts)) as Json)).slice(0, 32)
}

/**
 * Whether a processor may keep a read model by its definition: asked whenever it gets hold of some of it.
 *
 * The first that comes begins it. Who finds rows of another definition must not mix its own with them.
 */
export const admit = <Name extends string, Row, Index extends string>(projection: Projection<Name, Row, Index>) => {
  let own: string | undefined
  let wasAdmitted = false
  const { name, version } = projection
  const attempt: (
    store: EventStore["Service"],
    checkpoints: CheckpointStore["Service"]
  ) => Effect.Effect<void, ProjectionChanged | ProjectionMoved | EventStoreError | CheckpointStoreError> =
    Effect.fnUntraced(function* (store, checkpoints) {
      own ??= fingerprint(projection)
      const record = yield* read(store, checkpoints, projection)
      // Who watches the rows hears of it by this, and who rebuilt them died before it could say so.
      if (record.unsaid !== undefined) {
        yield* write(store, projection, "whatever", { type: "RebuildSwitched", data: { id: record.unsaid } })
      }
      if (record.isRetired) return yield* new ProjectionMoved({ projection: name, version, isRetired: true })
      if (record.live !== undefined && record.live !== own) {
        return yield* wasAdmitted
          ? new ProjectionMoved({ projection: name, version, isRetired: false })
          : new ProjectionChanged({ projection: name, version })
      }
      if (record.live === undefined) {
        const isFirst = yield* write(store, projection, record, { type: "Begun", data: { fingerprint: own } })
        if (!isFirst) return yield* attempt(store, checkpoints)
      }
      wasAdmitted = true
    })
  return attempt
}

/** The error of a rebuild that cannot be done. */
export class RebuildRefused extends Schema.TaggedError<RebuildRefused>()("RebuildRefused", {
  projection: Schema.String,
  version: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `The read model "${this.projection}" (version ${this.version}) was not replaced: ${this.problem.replace(/\.$/, "")}.`
  }
}
