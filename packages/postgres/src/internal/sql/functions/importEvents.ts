// import_events(): events of another store behind the end of the log, with the revisions and times that they have.
import { takeFloor } from "./floor.ts"
import { asOwner } from "./rights.ts"

/**
 * Arrays with one element for each event, in the order that the other store gives them; times in epoch milliseconds.
 *
 * `outcome`: 0 stored, and `position` is that of the last one; 1 the log does not end at `p_behind`, and `position` says where
 * it does; 2 the event at `place`, from 1, cannot follow what its stream holds (`head`, and whether its time is earlier); 3 its
 * id is stored. All of them or none.
 *
 * While it runs nobody else stores an event: the table is locked against that, so that the end of the log is known. It takes
 * no stream's lock: whoever holds one and waits here meets the unique index, or stores behind.
 *
 * It is the owner's, and granted to nobody: who may write events may not say when they happened.
 */
export const importEvents = (schema: string): string => `
CREATE FUNCTION ${schema}.import_events(
  p_behind bigint, p_streams text[], p_revisions bigint[], p_times float8[],
  p_ids uuid[], p_types text[], p_versions int[], p_data text[], p_metadata text[],
  OUT outcome int, OUT "position" bigint, OUT place int, OUT head bigint, OUT is_early boolean
) LANGUAGE plpgsql ${asOwner} SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  drawn bigint[];
  violated text;
  nothing text;
BEGIN
  LOCK TABLE ${schema}.events IN SHARE ROW EXCLUSIVE MODE;
  "position" := coalesce((SELECT e.position FROM ${schema}.events e ORDER BY e.position DESC LIMIT 1), 0);
  IF "position" <> p_behind THEN outcome := 1; RETURN; END IF;
  SELECT x.o, x.last_revision, x.recorded_at < x.last_time INTO place, head, is_early
    FROM (
      SELECT u.o, u.stream, u.revision, u.type, to_timestamp(u.time / 1000) AS recorded_at,
        coalesce(lag(u.revision) OVER same, h.revision) AS last_revision,
        coalesce(lag(to_timestamp(u.time / 1000)) OVER same, h.recorded_at) AS last_time
      FROM unnest(p_streams, p_revisions, p_times, p_types) WITH ORDINALITY u(stream, revision, time, type, o)
        LEFT JOIN LATERAL (
          SELECT e.revision, e.recorded_at FROM ${schema}.events e WHERE e.stream = u.stream ORDER BY e.revision DESC LIMIT 1
        ) h ON true
      WINDOW same AS (PARTITION BY u.stream ORDER BY u.o)
    ) x
    WHERE CASE WHEN x.last_revision IS NULL
      -- What was before it may have been removed: a tombstone stands for it, and of the library's own streams nothing.
      THEN x.revision <> 0 AND x.type NOT IN ('$archived', '$deleted') AND x.stream !~ '^[$]'
      -- What was appended between two copies may have gone with the removal.
      ELSE x.revision <= x.last_revision OR x.recorded_at < x.last_time
        OR (x.revision <> x.last_revision + 1 AND x.type NOT IN ('$archived', '$deleted')) END
    ORDER BY x.o LIMIT 1;
  IF FOUND THEN outcome := 2; RETURN; END IF;
  BEGIN
    ${takeFloor(schema)}
    SELECT array_agg(nextval('${schema}.position'::regclass)) INTO drawn FROM generate_series(1, cardinality(p_ids));
    INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
      SELECT drawn[u.o], u.revision, to_timestamp(u.time / 1000), u.id, u.v, u.stream, split_part(u.stream, '-', 1), u.t,
        u.d::json, u.m::json
      FROM unnest(p_streams, p_revisions, p_times, p_ids, p_types, p_versions, p_data, p_metadata)
        WITH ORDINALITY u(stream, revision, time, id, t, v, d, m, o);
  EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
    IF violated <> 'events_id' THEN RAISE; END IF;
    outcome := 3;
    place := (SELECT u.o FROM unnest(p_ids) WITH ORDINALITY u(id, o) CROSS JOIN LATERAL (
      SELECT 1 FROM ${schema}.events e WHERE e.id = u.id LIMIT 1) x ORDER BY u.o LIMIT 1);
    RETURN;
  END;
  outcome := 0;
  "position" := drawn[cardinality(drawn)];
END $$`
