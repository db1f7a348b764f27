// end_inline(): from here on a projection is a processor's again, which goes on where the appends have left it.
import { asOwner } from "./rights.ts"

/**
 * True when it ended here, false when it was not inline. The trigger goes with the last of them: where a long reader is in
 * its way it stays, and costs each append a look into an empty table.
 */
export const endInline = (schema: string): string => `
CREATE FUNCTION ${schema}.end_inline(p_name text, p_version bigint) RETURNS boolean LANGUAGE plpgsql ${asOwner} AS $$
DECLARE
  ended text;
BEGIN
  LOCK TABLE ${schema}.events IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM ${schema}.inline_projections i WHERE i.name = p_name AND i.version = p_version RETURNING i.checkpoint INTO ended;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM 1 FROM ${schema}.checkpoints c WHERE c.name IN (SELECT ended || '/' || slot FROM generate_series(0, 15) slot)
    ORDER BY c.name FOR UPDATE;
  UPDATE ${schema}.checkpoints c
    SET position = greatest(c.position, (SELECT e.position FROM ${schema}.events e ORDER BY e.position DESC LIMIT 1)),
      moved_at = clock_timestamp(), stopped = NULL, holder = NULL, lease_until = NULL
    WHERE c.name IN (SELECT ended || '/' || slot FROM generate_series(0, 15) slot);
  UPDATE ${schema}.inline_changes SET number = number + 1;
  IF NOT EXISTS (SELECT 1 FROM ${schema}.inline_projections) THEN
    BEGIN
      DROP TRIGGER IF EXISTS events_inline ON ${schema}.events;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN NULL;
    END;
  END IF;
  RETURN true;
END $$`
