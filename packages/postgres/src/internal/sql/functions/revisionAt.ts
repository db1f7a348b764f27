// revision_at(): where in its stream a position or a time lies.
import { byIndex } from "./recorded.ts"

/**
 * Forwards the first revision at or after a position or a time, backwards the last one at or before it; one beyond the
 * end where there is none. Positions and times never decrease along a stream, so halving finds it. A stream of the bus may
 * have lost its first events.
 */
export const revisionAt = (schema: string): string => `
CREATE FUNCTION ${schema}.revision_at(p_stream text, p_position bigint, p_time timestamptz, p_forwards boolean)
RETURNS bigint LANGUAGE plpgsql ${byIndex} AS $$
DECLARE
  low bigint;
  high bigint;
  middle bigint;
  e record;
BEGIN
  SELECT x.revision + 1 INTO high FROM ${schema}.events x WHERE x.stream = p_stream ORDER BY x.revision DESC LIMIT 1;
  high := coalesce(high, 0);
  SELECT x.revision INTO low FROM ${schema}.events x WHERE x.stream = p_stream ORDER BY x.revision LIMIT 1;
  low := coalesce(low, 0);
  WHILE low < high LOOP
    middle := (low + high) / 2;
    SELECT x.position, x.recorded_at INTO e FROM ${schema}.events x WHERE x.stream = p_stream AND x.revision = middle;
    IF (CASE WHEN p_forwards THEN e.position < p_position OR e.recorded_at < p_time
            ELSE e.position <= p_position OR e.recorded_at <= p_time END)
    THEN low := middle + 1; ELSE high := middle; END IF;
  END LOOP;
  RETURN CASE WHEN p_forwards THEN low ELSE low - 1 END;
END $$`
