// floor: what an append locks before it draws positions, so that readers know how far they may go.

/**
 * The statement of an append that takes the floor: a shared lock keyed by the last position allocated so far.
 *
 * Whatever this transaction draws lies above that key. The key space of two integers holds only our own: the sequence's
 * oid names the store, so that other schemas, databases and programs are never taken for it. An assignment, since
 * PERFORM would start the executor.
 *
 * What was acknowledged without being flushed would be gone after a crash, and its positions drawn again beneath readers
 * that have passed them: an append waits for its flush, whatever the role's settings say.
 */
export const takeFloor = (schema: string): string =>
  `${untilFlushed}
  nothing := ${floorLock(schema)};`

/** The statement of an append that makes its commit wait for its flush. */
export const untilFlushed = `IF current_setting('synchronous_commit') = 'off' THEN nothing := set_config('synchronous_commit', 'on', true); END IF;`

/** The same, as an expression. */
export const flushed = `CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END`

/** The floor's lock, as an expression. Typed throughout: as part of a plain statement it meets the caller's search path. */
export const floorLock = (schema: string): string =>
  `pg_advisory_xact_lock_shared(${storeKey(schema)}::int, coalesce(pg_sequence_last_value('${schema}.position'::regclass), 0)::bit(32)::int)`

/** The number by which the locks of this store are known: the oid of its sequence of positions. */
export const storeKey = (schema: string): string => `'${schema}.position'::regclass::oid`

/** The key of a stream's lock: in the key space of one integer, which floors are not in. */
export const streamKey = (schema: string, stream: string): string =>
  `hashtextextended(${stream}, ${storeKey(schema)}::bigint)`
