// truncate_stream(): removes the oldest messages of the bus from a stream.
import { byIndex } from "./recorded.ts"
import { asOwner } from "./rights.ts"

/**
 * Those below a position that were recorded before a time, but never the last: it says at which revision the stream is, and
 * where the log ends. Along a stream positions and times never decrease, so they are its first ones.
 *
 * The writer may not delete events. This does it for him, of the bus alone: what happened stays.
 */
export const truncateStream = (schema: string): string => `
CREATE FUNCTION ${schema}.truncate_stream(p_stream text, p_before bigint, p_recorded_before timestamptz)
RETURNS void LANGUAGE plpgsql ${asOwner} ${byIndex} AS $$
DECLARE
  keep bigint;
BEGIN
  IF p_stream !~ '^[$]bus-' THEN
    RAISE EXCEPTION 'the events of % are no messages of a bus, and stay', p_stream USING ERRCODE = '42501';
  END IF;
  SELECT x.revision INTO keep FROM ${schema}.events x WHERE x.stream = p_stream ORDER BY x.revision DESC LIMIT 1;
  DELETE FROM ${schema}.events x
    WHERE x.stream = p_stream AND x.revision < keep AND x.position < p_before AND x.recorded_at < p_recorded_before;
END $$`
