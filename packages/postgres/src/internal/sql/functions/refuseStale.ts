// refuse_stale(): no answer rests on a snapshot that is older than the stream's lock.

/** Whether this transaction sees one snapshot to its end, which may be older than the lock of a stream. */
export const keepsSnapshot = "current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted')"

/**
 * Fails with 40001 where a stream has grown beyond `p_head` without this transaction's snapshot showing it.
 *
 * Only transactions of stricter isolation have such snapshots. The unique index sees past them: a row at the next
 * revision, which is undone at once, meets what is there.
 */
export const refuseStale = (schema: string): string => `
CREATE FUNCTION ${schema}.refuse_stale(p_stream text, p_category text, p_head bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF NOT ${keepsSnapshot} THEN RETURN NULL; END IF;
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    VALUES (nextval('${schema}.position'::regclass), p_head + 1, clock_timestamp(), gen_random_uuid(), 1,
      p_stream, p_category, 'probe', 'null', '{}');
  RAISE EXCEPTION 'undone' USING ERRCODE = 'EV001';
EXCEPTION
  WHEN SQLSTATE 'EV001' THEN RETURN NULL;
  WHEN unique_violation THEN
    RAISE EXCEPTION 'stream % has grown since this transaction took its snapshot', p_stream
      USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
END $$`
