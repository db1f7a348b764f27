// recorded: an event as the reads return it.

/** What a read returns, in the order in which `internal/rows.ts` takes it apart; numbers as float8, exact to 2^53. */
export const recordedType = `TABLE (
  id uuid, stream text, category text, revision float8, "position" float8, type text, schema_version int,
  data text, metadata text, recorded_at float8
)`

/** The columns of a read from `e`; instants in epoch milliseconds. */
export const recordedColumns = `e.id, e.stream, e.category, e.revision::float8, e.position::float8, e.type, e.schema_version,
      e.data::text, e.metadata::text, date_part('epoch', e.recorded_at) * 1000`

/**
 * How every read is planned: once for a session, by its indexes, in their order.
 *
 * A plan that was made while the table was empty would else scan and sort it for as long as the session lives.
 */
export const byIndex =
  "SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off"

/** The same with half of the settings, each of which costs every call: where all that is read is ordered by an index. */
export const inOrder = "SET plan_cache_mode = force_generic_plan SET enable_sort = off"

/** Whether the data of an event is so small that a page of them is; its length is known without taking it out of its store. */
export const isSmall = (event: string): string => `octet_length(${event}.data::text) < 4000`

/** Both directions of a read: the operator and the order of each. */
export const directions = {
  forwards: { from: ">=", order: "ASC" },
  backwards: { from: "<=", order: "DESC" }
} as const

/** One of the two directions. */
export type Direction = (typeof directions)[keyof typeof directions]
