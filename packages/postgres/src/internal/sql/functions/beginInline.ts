// begin_inline(): from here on a projection is kept by the appends themselves, by all of them.
import { trigger } from "./refuseUnaware.ts"
import { asOwner } from "./rights.ts"

/** Who holds the lease of a projection that runs inline. */
export const inlineHolder = "inline"

/**
 * Takes the checkpoints of all slots to `p_position`, through which the rows are complete, and their leases for ever, so that
 * no processor moves them; from then on every writer must announce the projection. The transaction holds `lock_for_inline`.
 */
export const beginInline = (schema: string): string => `
CREATE FUNCTION ${schema}.begin_inline(
  p_checkpoint text, p_name text, p_version bigint, p_category text, p_position bigint
) RETURNS void LANGUAGE plpgsql ${asOwner} AS $$
BEGIN
  LOCK TABLE ${schema}.events IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO ${schema}.checkpoints AS c (name, position, moved_at, token, holder, lease_until)
    SELECT p_checkpoint || '/' || slot, p_position, clock_timestamp(), 1, '${inlineHolder}', 'infinity'
    FROM generate_series(0, 15) slot ORDER BY (p_checkpoint || '/' || slot) COLLATE "C"
    ON CONFLICT (name) DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at, stopped = NULL,
      token = c.token + 1, holder = excluded.holder, lease_until = excluded.lease_until;
  INSERT INTO ${schema}.inline_projections (checkpoint, name, version, category, since)
    VALUES (p_checkpoint, p_name, p_version, p_category, p_position);
  UPDATE ${schema}.inline_changes SET number = number + 1;
  IF NOT EXISTS (
    SELECT 1 FROM pg_trigger t WHERE t.tgrelid = '${schema}.events'::regclass AND t.tgname = 'events_inline'
  ) THEN
    ${trigger(schema)};
  END IF;
END $$`
