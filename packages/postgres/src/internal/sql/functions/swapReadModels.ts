// swap_read_models(): exchanges the rows of two read models by exchanging the names of their tables.
import { literal } from "../../Database.ts"
import { asOwner } from "./rights.ts"

/**
 * Both must be there. Readers wait for a moment and then find the other rows; one that has read for long holds this up, and
 * everybody behind it, so it gives up after half a second (55P03).
 */
export const swapReadModels = (schema: string): string => `
CREATE FUNCTION ${schema}.swap_read_models(p_name text, p_version bigint, p_other text, p_other_version bigint)
RETURNS void LANGUAGE plpgsql ${asOwner} AS $$
DECLARE
  one ${schema}.read_models;
  other ${schema}.read_models;
  nothing text := set_config('lock_timeout', '500ms', true);
BEGIN
  PERFORM 1 FROM ${schema}.read_models m
    WHERE (m.name_sha256, m.version) IN ((sha256(convert_to(p_name, 'UTF8')), p_version), (sha256(convert_to(p_other, 'UTF8')), p_other_version))
    ORDER BY m.table_name FOR UPDATE;
  SELECT * INTO STRICT one FROM ${schema}.read_models m WHERE m.name_sha256 = sha256(convert_to(p_name, 'UTF8')) AND m.version = p_version;
  SELECT * INTO STRICT other FROM ${schema}.read_models m WHERE m.name_sha256 = sha256(convert_to(p_other, 'UTF8')) AND m.version = p_other_version;
  EXECUTE format('LOCK TABLE %1$s.%2$I, %1$s.%3$I IN ACCESS EXCLUSIVE MODE', ${literal(schema)},
    least(one.table_name, other.table_name), greatest(one.table_name, other.table_name));
  EXECUTE format('ALTER TABLE %s.%I RENAME TO evolvent_swapping', ${literal(schema)}, one.table_name);
  EXECUTE format('ALTER TABLE %s.%I RENAME TO %I', ${literal(schema)}, other.table_name, one.table_name);
  EXECUTE format('ALTER TABLE %s.evolvent_swapping RENAME TO %I', ${literal(schema)}, other.table_name);
  EXECUTE format('COMMENT ON TABLE %s.%I IS %L', ${literal(schema)}, one.table_name, format('Rows of the projection "%s", version %s', p_name, p_version));
  EXECUTE format('COMMENT ON TABLE %s.%I IS %L', ${literal(schema)}, other.table_name, format('Rows of the projection "%s", version %s', p_other, p_other_version));
  UPDATE ${schema}.read_models m SET indexes = CASE WHEN m.table_name = one.table_name THEN other.indexes ELSE one.indexes END
    WHERE m.table_name IN (one.table_name, other.table_name);
  nothing := set_config('lock_timeout', '0', true);
END $$`
