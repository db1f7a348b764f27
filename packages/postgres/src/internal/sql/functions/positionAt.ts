// position_at(): where in the log a time lies.
import { byIndex } from "./recorded.ts"

// Transactions that commit late and clocks that are set put neighbours out of order; this far from where a time lies.
const disorder = 20_000

/**
 * Forwards the position of the first event that was recorded at or after a time, backwards of the last one at or before
 * it; null where there is none.
 *
 * Times nearly follow positions: halving finds the place, and a look at its neighbourhood what is out of order there.
 */
export const positionAt = (schema: string): string => `
CREATE FUNCTION ${schema}.position_at(p_time timestamptz, p_forwards boolean)
RETURNS float8 LANGUAGE plpgsql ${byIndex} AS $$
DECLARE
  low bigint := 1;
  high bigint;
  middle bigint;
  found_ bigint;
  e record;
BEGIN
  SELECT x.position + 1 INTO high FROM ${schema}.events x ORDER BY x.position DESC LIMIT 1;
  high := coalesce(high, 1);
  -- The first place whose next event is late enough.
  WHILE low < high LOOP
    middle := (low + high) / 2;
    SELECT x.position, x.recorded_at INTO e FROM ${schema}.events x WHERE x.position >= middle ORDER BY x.position LIMIT 1;
    IF (CASE WHEN p_forwards THEN e.recorded_at < p_time ELSE e.recorded_at <= p_time END)
    THEN low := e.position + 1; ELSE high := middle; END IF;
  END LOOP;
  IF p_forwards THEN
    SELECT min(x.position) INTO found_ FROM ${schema}.events x
      WHERE x.position BETWEEN low - ${disorder} AND low - 1 AND x.recorded_at >= p_time;
    IF found_ IS NULL THEN
      SELECT x.position INTO found_ FROM ${schema}.events x WHERE x.position >= low ORDER BY x.position LIMIT 1;
    END IF;
  ELSE
    SELECT max(x.position) INTO found_ FROM ${schema}.events x
      WHERE x.position BETWEEN low AND low + ${disorder} AND x.recorded_at <= p_time;
    IF found_ IS NULL THEN
      SELECT x.position INTO found_ FROM ${schema}.events x WHERE x.position < low ORDER BY x.position DESC LIMIT 1;
    END IF;
  END IF;
  RETURN found_;
END $$`
