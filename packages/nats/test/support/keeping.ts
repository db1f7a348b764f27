// keeping: read models and snapshots on connections of their own, each as if it were another process.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, IndexValue, Query, Table } from "evolvent/ReadModelStore"
import { SnapshotStore } from "evolvent/SnapshotStore"
import * as checkpointStore from "../../src/internal/checkpointStore.ts"
import * as documents from "../../src/internal/documents.ts"
import * as jetstreams from "../../src/internal/jetstream.ts"
import type { Failure, JetStream } from "../../src/internal/jetstream.ts"
import * as layouts from "../../src/internal/layout.ts"
import type { Layout } from "../../src/internal/layout.ts"
import * as readModelStore from "../../src/internal/readModelStore.ts"
import * as snapshotStore from "../../src/internal/snapshotStore.ts"
import * as NatsClient from "../../src/NatsClient.ts"
import type { ConnectFailed, StreamUnusable } from "../../src/NatsError.ts"

/** Where a test keeps its things: a prefix of its own on a server. */
export const layoutOf = (prefix: string): Layout =>
  layouts.make({ prefix, replicas: 1, storage: "file", maxBytes: -1, duplicateWindow: 120_000 })

export interface Kept {
  readonly jetstream: JetStream
  readonly rows: ReadModelStore["Service"]
  readonly snapshots: SnapshotStore["Service"]
  readonly checkpoints: CheckpointStore.CheckpointStore["Service"]
}

/** The stores on a connection of their own. */
export const keep = (
  url: string,
  layout: Layout,
  options: readModelStore.Options & { readonly breaking?: (jetstream: JetStream) => JetStream } = {}
): Effect.Effect<Kept, ConnectFailed | StreamUnusable | Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const whole = jetstreams.make(yield* NatsClient.make({ servers: url }))
    for (const bucket of [layout.checkpoints, layout.rows, layout.snapshots]) yield* whole.ensure(bucket)
    const jetstream = options.breaking?.(whole) ?? whole
    const made = documents.make(jetstream, layout.checkpoints)
    return {
      jetstream,
      rows: yield* readModelStore.make(jetstream, layout, made, options),
      snapshots: snapshotStore.make(jetstream, layout),
      checkpoints: CheckpointStore.make(checkpointStore.make(jetstream, layout, made))
    }
  })

/** The stores as the services of a layer. */
export const contextOf = ({ checkpoints, rows, snapshots }: Kept) =>
  Context.make(ReadModelStore, rows).pipe(
    Context.add(SnapshotStore, snapshots),
    Context.add(CheckpointStore.CheckpointStore, checkpoints)
  )

/** A table that no other test has. */
export const tableOf = (name = "table"): Table => ({
  name: `${name} ${crypto.randomUUID()}`,
  version: 1,
  indexes: [{ field: "n", kind: "number" }]
})

/** A row of a key at a position. */
export const row = (key: string, position: number, index: Readonly<Record<string, IndexValue>> = {}): EncodedRow => ({
  key,
  position: Position.make(position),
  row: JSON.stringify({ key, position }),
  index: { n: position, ...index }
})

/** The removal of a row. */
export const gone = (key: string, position: number): EncodedRow => ({
  key,
  position: Position.make(position),
  row: undefined,
  index: {}
})

/** Everything, in the order of the keys. */
export const everything: Query = { where: [], orderBy: undefined, direction: "asc", limit: 1_000_000, after: undefined }

/** The keys of rows and the positions that they are true at. */
export const shown = (rows: ReadonlyArray<EncodedRow>): ReadonlyArray<string> =>
  rows.map(({ key, position, row }) => `${key} ${row === undefined ? "gone " : ""}@${position}`)
