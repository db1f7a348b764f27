// removal: takes streams out of the log, and puts archived ones back, each in one statement.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { EncodedAppend, EncodedRecorded, EncodedRemoval, EncodedRestoration, Outcome } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { Database, Values } from "./Database.ts"

const { float8, int4, int8, text, uuid } = PgTypes.OID

const outcomeOf = ([row]: ReadonlyArray<Values>): Exclude<Outcome, { readonly _tag: "IdReused" }> => {
  const [outcome, revision, position] = row as readonly [number, number, number | null]
  const at = revision < 0 ? undefined : Revision.make(revision)
  return outcome === 0
    ? { _tag: "Appended", results: [{ revision: at, position: Position.make(position ?? 0), repeated: false }] }
    : { _tag: "Conflict", index: 0, actual: at }
}

/** A removal as the append of its tombstone: that is what projections see of it, also those in its transaction. */
export const asAppend = ({ category, expected, stream, tombstone }: EncodedRemoval): EncodedAppend => ({
  stream,
  category,
  expected,
  events: [tombstone],
  idsAreNew: true
})

/** The statements of a schema. */
export const make = ({ run, schema }: Database) => {
  const result = `outcome, revision::float8, "position"::float8`
  const remove = `SELECT ${result} FROM ${schema}.remove_stream($1, $2, $3, $4, $5, $6, $7, $8)`
  const restore = `SELECT ${result} FROM ${schema}.restore_stream(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

  const eventOf = ({ data, id, metadata, schemaVersion, type }: EncodedRemoval["tombstone"]) => [
    PgTypes.uuid(id),
    PgTypes.text(type),
    PgTypes.int4(schemaVersion),
    PgTypes.text(data),
    PgTypes.text(metadata)
  ]

  return {
    remove: ({ category, expected, stream, tombstone }: EncodedRemoval): Effect.Effect<Outcome, SqlError> => {
      const where = [PgTypes.text(stream), PgTypes.text(category), PgTypes.int8(BigInt(expected))]
      return Effect.map(run(remove, [...where, ...eventOf(tombstone)]), outcomeOf)
    },
    restore: ({ category, events, expected, marker, stream }: EncodedRestoration): Effect.Effect<Outcome, SqlError> => {
      const column = (of: (event: EncodedRecorded) => unknown, type: number) =>
        Result.getOrThrow(PgTypes.array(events.map(of), type))
      const params = [
        PgTypes.text(stream),
        PgTypes.text(category),
        PgTypes.int8(BigInt(expected)),
        column(({ position }) => BigInt(position), int8),
        column(({ recordedAt }) => recordedAt, float8),
        column(({ id }) => id, uuid),
        column(({ type }) => type, text),
        column(({ schemaVersion }) => schemaVersion, int4),
        column(({ data }) => data, text),
        column(({ metadata }) => metadata, text),
        ...eventOf(marker)
      ]
      return Effect.map(run(restore, params), outcomeOf)
    }
  }
}
