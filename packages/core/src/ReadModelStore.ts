// ReadModelStore: the rows of projections, keyed, indexed, and moved together with the projection's checkpoint.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Unavailable, Unsupported } from "./EventStoreError.ts"
import type { Position } from "./Position.ts"

/** A value that an index can order: texts by code point, false before true. */
export type IndexValue = string | number | boolean | bigint

/** How the values of an index are to be stored: instants are epoch milliseconds. */
export type IndexKind = "string" | "number" | "boolean" | "bigint" | "instant"

/** What a backend must know of a projection to keep its rows. */
export interface Table {
  readonly name: string
  readonly version: number
  readonly indexes: ReadonlyArray<{ readonly field: string; readonly kind: IndexKind }>
}

/**
 * A row as stored: JSON text, the values of its indexes, and the position of the event that last changed it.
 *
 * Where rows cannot move together with the checkpoint, a removed row stays as a position with `row` undefined, so that
 * a repeated batch cannot bring it back.
 */
export interface EncodedRow {
  readonly key: string
  readonly position: Position
  readonly row: string | undefined
  readonly index: Readonly<Record<string, IndexValue>>
}

/** One condition on an indexed field; all conditions of a query must hold. */
export type Condition =
  | { readonly field: string; readonly op: "in"; readonly values: ReadonlyArray<IndexValue> }
  | { readonly field: string; readonly op: "gt" | "gte" | "lt" | "lte"; readonly value: IndexValue }

/**
 * Which rows, in which order: by an indexed field and then by key, or by key alone.
 *
 * `after` is the last row of the page before: the next page begins behind it, whatever was written in between.
 */
export interface Query {
  readonly where: ReadonlyArray<Condition>
  readonly orderBy: string | undefined
  readonly direction: "asc" | "desc"
  readonly limit: number
  readonly after: { readonly value: IndexValue | undefined; readonly key: string } | undefined
}

/** A stored row that the projection's schema does not understand: its definition changed, its version did not. */
export class UndecodableRow extends Schema.TaggedError<UndecodableRow>()("UndecodableRow", {
  projection: Schema.String,
  key: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return (
      `The row "${this.key}" of projection "${this.projection}" cannot be decoded: ${this.problem}. ` +
      `Give the projection a new version, so that its rows are built anew.`
    )
  }
}

/** A row that the backend cannot give back unchanged, or has no room for in an index. Nothing of its batch was written. */
export class UnstorableRow extends Schema.TaggedError<UnstorableRow>()("UnstorableRow", {
  projection: Schema.String,
  key: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    const key = JSON.stringify(this.key.length > 80 ? `${this.key.slice(0, 80)}…` : this.key)
    return (
      `The row ${key} of projection "${this.projection}" cannot be stored: ${this.problem}. ` +
      `Nothing of its batch was written: let the projection make rows without that, under a new version.`
    )
  }
}

/** The read model is larger than the in-process copy that this backend lists from. */
export class ReadModelTooLarge extends Schema.TaggedError<ReadModelTooLarge>()("ReadModelTooLarge", {
  projection: Schema.String,
  maxRows: Schema.Int
}) {
  override get message(): string {
    return (
      `The read model "${this.projection}" has more than ${this.maxRows} rows, the most that this backend lists. ` +
      `Get rows by key, or keep this read model in a backend with queries.`
    )
  }
}

/** The read model store could not do what was asked. */
export class ReadModelStoreError extends Schema.TaggedError<ReadModelStoreError>()("ReadModelStoreError", {
  operation: Schema.String,
  reason: Schema.Union([Unavailable, Unsupported, UndecodableRow, UnstorableRow, ReadModelTooLarge])
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }

  /** Whether the same call may go through later. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unavailable"
  }
}

/** What a backend promises of read models. */
export interface Capabilities {
  /** Whether a batch and the checkpoint of its `transact` commit together. */
  readonly atomicBatch: boolean
}

/**
 * The read model store: what a backend implements; `ReadModel` is the typed way to ask it.
 *
 * `apply` writes each row only if its position is not below the stored one; within `CheckpointStore.transact` it
 * commits with the checkpoint where the backend can. A table that was never written is empty.
 */
export class ReadModelStore extends Context.Service<
  ReadModelStore,
  {
    readonly capabilities: Capabilities
    /** The stored rows of some keys, in any order; keys without a row are left out. */
    readonly get: (
      table: Table,
      keys: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<EncodedRow>, ReadModelStoreError>
    /** Writes and removes rows, each key at most once. */
    readonly apply: (table: Table, rows: ReadonlyArray<EncodedRow>) => Effect.Effect<void, ReadModelStoreError>
    /** The rows of a query, in order. */
    readonly list: (table: Table, query: Query) => Effect.Effect<ReadonlyArray<EncodedRow>, ReadModelStoreError>
    /** Removes a table with all its rows. */
    readonly drop: (table: Table) => Effect.Effect<void, ReadModelStoreError>
    /**
     * Exchanges the rows of two tables, for all readers at once; either may have none yet. Within `CheckpointStore.transact`
     * it commits with the checkpoints, where the backend can.
     */
    readonly swap: (one: Table, other: Table) => Effect.Effect<void, ReadModelStoreError>
  }
>()("evolvent/ReadModelStore") {}

export { select } from "./internal/readModelSelect.ts"
