// appendStatements: calls the functions that append, and gives their answers as values.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { EncodedAppend, Expected, Outcome } from "evolvent/EventStore"
import * as EventStore from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { Database, Values } from "./Database.ts"
import { plannedAt } from "./plannedAt.ts"
import { toRecorded } from "./rows.ts"
import { insertEvent } from "./sql/functions/appendEvent.ts"
import { insertEvents } from "./sql/functions/appendEvents.ts"

/** How one append ended: as its caller will see it, or not yet: its stream is held, or its ids need a closer look. */
export type Answer = Outcome | { readonly _tag: "Busy" } | { readonly _tag: "LookCloser" }

/** What the shortest way in answers: it was stored, or who knows. */
export type QuickAnswer = Answer | { readonly _tag: "Unsure" }

/** The functions of the database that append. */
export interface Statements {
  /** One event, alone, at a revision or as the first of its stream; unsure of everything but success. */
  readonly event: (append: EncodedAppend) => Effect.Effect<QuickAnswer, SqlError>
  /** One event each, to different streams, at revisions or as their first; unsure of everything but success. */
  readonly events: (appends: ReadonlyArray<EncodedAppend>) => Effect.Effect<ReadonlyArray<QuickAnswer>, SqlError>
  /** One append of any size; with `wait` it waits for its stream. */
  readonly one: (append: EncodedAppend, wait: boolean) => Effect.Effect<Answer, SqlError>
  /** Many appends in one commit, those to one stream adjacent; an answer for each. */
  readonly group: (appends: ReadonlyArray<EncodedAppend>) => Effect.Effect<ReadonlyArray<Answer>, SqlError>
  /** Several streams, all or nothing; waits for them. */
  readonly all: (appends: ReadonlyArray<EncodedAppend>) => Effect.Effect<Answer, SqlError>
  /** The first results of appends whose ids are stored, or how they misuse them. */
  readonly look: (
    appends: ReadonlyArray<EncodedAppend>
  ) => Effect.Effect<ReturnType<typeof EventStore.repeats>, SqlError>
}

const code = (expected: Expected): bigint =>
  typeof expected === "number" ? BigInt(expected) : expected === "noStream" ? -1n : expected === "any" ? -2n : -3n

const array = (values: ReadonlyArray<unknown>, element: number): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, element))

const { int4, int8, text, uuid } = PgTypes.OID

/** Where an append ended, from the number that says how. */
const answer = (outcome: number, revision: number | null, position: number | null): Answer => {
  const at = revision === null || revision < 0 ? undefined : Revision.make(revision)
  switch (outcome) {
    case 0:
      return {
        _tag: "Appended",
        results: [{ revision: at, position: Position.make(position ?? Position.beginning), repeated: false }]
      }
    case 1:
      return { _tag: "Conflict", index: 0, actual: at }
    case 3:
      return { _tag: "Busy" }
    case 6:
      return { _tag: "Removed", index: 0 }
    default:
      return { _tag: "LookCloser" }
  }
}

/** What the shortest way in answers for an append at a known revision. */
const quick = (expected: Expected, position: number | null): QuickAnswer => {
  if (position === null) return { _tag: "Unsure" }
  const revision = Revision.next(typeof expected === "number" ? expected : undefined)
  return { _tag: "Appended", results: [{ revision, position: Position.make(position), repeated: false }] }
}

const single = ([row]: ReadonlyArray<Values>): Answer => {
  const [outcome, revision, position] = row as readonly [number, number | null, number | null]
  return answer(outcome, revision, position)
}

const many = ([row]: ReadonlyArray<Values>): ReadonlyArray<Answer> => {
  const [outcomes, revisions, positions] = row as unknown as readonly [
    ReadonlyArray<number>,
    ReadonlyArray<number | null>,
    ReadonlyArray<number | null>
  ]
  return outcomes.map((outcome, i) => answer(outcome, revisions[i] ?? null, positions[i] ?? null))
}

/** Where appends go, and the columns of their events: all that is needed where each has one. */
const rowsOf = (
  appends: ReadonlyArray<EncodedAppend>
): readonly [streams: PgTypes.Parameter, expected: PgTypes.Parameter, ...events: ReadonlyArray<PgTypes.Parameter>] => {
  const streams: Array<string> = []
  const expected: Array<bigint> = []
  const ids: Array<string> = []
  const types: Array<string> = []
  const versions: Array<number> = []
  const data: Array<string> = []
  const metadata: Array<string> = []
  for (const append of appends) {
    streams.push(append.stream)
    expected.push(code(append.expected))
    for (const event of append.events) {
      ids.push(event.id)
      types.push(event.type)
      versions.push(event.schemaVersion)
      data.push(event.data)
      metadata.push(event.metadata)
    }
  }
  return [
    array(streams, text),
    array(expected, int8),
    array(ids, uuid),
    array(types, text),
    array(versions, int4),
    array(data, text),
    array(metadata, text)
  ]
}

/** The columns of events and of appends, as the functions for many take them. */
const columns = (appends: ReadonlyArray<EncodedAppend>): ReadonlyArray<PgTypes.Parameter> => {
  const [streams, expected, ...events] = rowsOf(appends)
  // An exact expectation that holds proves that the ids are new to its stream.
  const first = appends.map(({ events, expected }) =>
    expected === "any" || expected === "streamExists" ? (events[0]?.id ?? null) : null
  )
  return [
    streams,
    array(
      appends.map(({ category }) => category),
      text
    ),
    expected,
    array(
      appends.map(({ events }) => events.length),
      int4
    ),
    array(first, uuid),
    array(
      appends.flatMap(({ events }, i) => events.map(() => i + 1)),
      int4
    ),
    ...events
  ]
}

/** The statements of a schema; with `mayInsert` the table may be written to without its functions. */
export const make = ({ run, schema }: Database, mayInsert = false): Statements => {
  const scalar = `outcome, revision::float8, "position"::float8`
  const byFunction = `SELECT ${schema}.append_event($1, $2, $3, $4, $5, $6, $7)`
  const events = `SELECT ${schema}.append_events($1, $2, $3, $4, $5, $6, $7)`
  const one = `SELECT ${scalar} FROM ${schema}.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9)`
  const arrays = "outcomes, revisions::float8[], positions::float8[]"
  const group = `SELECT ${arrays} FROM ${schema}.append_group(false, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
  const all = `SELECT ${arrays} FROM ${schema}.append_all($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
  const look = `SELECT e.id, e.stream, e.category, e.revision::float8, e.position::float8, e.type, e.schema_version, e.data::text
    FROM unnest($1::uuid[]) u(id) CROSS JOIN LATERAL (SELECT * FROM ${schema}.events x WHERE x.id = u.id LIMIT 1) e`

  const insertOne = insertEvent(schema)
  const insertMany = insertEvents(schema)
  // How long the log is known to be.
  let newest = 0
  const stored = (position: number | null): number | null => {
    newest = Math.max(newest, position ?? 0)
    return position
  }

  return {
    event: ({ events: [only], expected, idsAreNew, stream }) => {
      const at = PgTypes.int8(code(expected))
      const event = [
        PgTypes.uuid(only?.id ?? null),
        PgTypes.text(only?.type ?? null),
        PgTypes.int4(only?.schemaVersion ?? null),
        PgTypes.text(only?.data ?? null),
        PgTypes.text(only?.metadata ?? null)
      ]
      const answered =
        !mayInsert || !idsAreNew
          ? run(byFunction, [PgTypes.text(stream), at, ...event])
          : expected === "noStream"
            ? run(plannedAt(newest, insertOne.first), [PgTypes.text(stream), ...event])
            : run(plannedAt(newest, insertOne.next), [PgTypes.text(stream), ...event, at])
      return Effect.map(answered, ([row]) => quick(expected, stored((row?.[0] ?? null) as number | null)))
    },
    events: (appends) => {
      const params = rowsOf(appends)
      if (!mayInsert || !appends.every(({ idsAreNew }) => idsAreNew)) {
        return Effect.map(run(events, params), ([row]) => {
          const positions = row?.[0] as ReadonlyArray<number | null>
          return appends.map((append, i) => quick(append.expected, positions[i] ?? null))
        })
      }
      return Effect.map(run(plannedAt(newest, insertMany), params), (rows) => {
        const positions = new Map(rows as ReadonlyArray<readonly [string, number]>)
        return appends.map(({ events, expected }) =>
          quick(expected, stored(positions.get(events[0]?.id ?? "") ?? null))
        )
      })
    },
    one: ({ category, events, expected, stream }, wait) =>
      Effect.map(
        run(one, [
          PgTypes.bool(wait),
          PgTypes.text(stream),
          PgTypes.text(category),
          PgTypes.int8(code(expected)),
          array(
            events.map(({ id }) => id),
            uuid
          ),
          array(
            events.map(({ type }) => type),
            text
          ),
          array(
            events.map(({ schemaVersion }) => schemaVersion),
            int4
          ),
          array(
            events.map(({ data }) => data),
            text
          ),
          array(
            events.map(({ metadata }) => metadata),
            text
          )
        ]),
        single
      ),
    group: (appends) => Effect.map(run(group, columns(appends)), many),
    all: (appends) =>
      Effect.map(run(all, columns(appends)), (rows): Answer => {
        const answers = many(rows)
        const index = answers.findIndex(({ _tag }) => _tag === "Conflict" || _tag === "Removed")
        const refused = answers[index]
        if (refused?._tag === "Conflict" || refused?._tag === "Removed") return { ...refused, index }
        const other = answers.find(({ _tag }) => _tag !== "Appended")
        if (other !== undefined) return other
        return { _tag: "Appended", results: answers.flatMap((one) => (one._tag === "Appended" ? one.results : [])) }
      }),
    look: (appends) =>
      Effect.map(
        run(look, [
          array(
            appends.flatMap(({ events }) => events.map(({ id }) => id)),
            uuid
          )
        ]),
        (rows) => {
          const stored = new Map(rows.map((row) => [row[0], toRecorded(row)]))
          return EventStore.repeats(appends, (id) => stored.get(id))
        }
      )
  }
}
