// safe_position(): how far a reader may go. Three reads, each with a snapshot of its own, in an order that must not change.
import { storeKey } from "./floor.ts"
import { asOwner } from "./rights.ts"

/**
 * `last` is the last position allocated, `ceiling` the highest below which nothing is in flight, `safe` the greatest
 * visible position at or below the ceiling.
 *
 * Read in this order: a transaction that draws after `last` was read is above it; one that drew before holds its floor
 * until its rows are visible, so it is either in `pg_locks` or in the rows that are read afterwards. A reader goes on from
 * `safe`, not from the ceiling: after a crash the sequence returns to what was flushed, and the numbers between are drawn
 * again. A lock holds only the low 32 bits of its position, so it is found by its distance from `last`.
 */
export const safePosition = (schema: string): string => `
CREATE FUNCTION ${schema}.safe_position(OUT safe float8, OUT ceiling float8, OUT last float8)
LANGUAGE plpgsql VOLATILE ${asOwner} SET enable_seqscan = off AS $$
DECLARE
  allocated bigint;
  lowest bigint;
  visible bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'events of more than one stream cannot be followed in a transaction that is %', current_setting('transaction_isolation')
      USING ERRCODE = 'EV002',
        HINT = 'Its snapshot is older than the locks. Read outside of it, or use READ COMMITTED.';
  END IF;
  allocated := coalesce(pg_sequence_last_value('${schema}.position'::regclass), 0);
  SELECT min(allocated + (k.objid::bigint - (allocated & 4294967295) + 6442450944) % 4294967296 - 2147483648) INTO lowest
    FROM pg_locks k
    WHERE k.locktype = 'advisory' AND k.objsubid = 2 AND k.mode = 'ShareLock' AND k.granted
      AND k.classid = ${storeKey(schema)}
      AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
  SELECT e.position INTO visible FROM ${schema}.events e
    WHERE e.position <= least(allocated, lowest) ORDER BY e.position DESC LIMIT 1;
  safe := coalesce(visible, 0);
  ceiling := least(allocated, lowest);
  last := allocated;
END $$`
