// append_group(): many appends in one commit, each with an outcome of its own, or all of them or none.
import { streamKey, takeFloor } from "./floor.ts"
import { now } from "./now.ts"
import { keepsSnapshot } from "./refuseStale.ts"
import { asOwner } from "./rights.ts"
import { isTombstone } from "./tombstone.ts"

/**
 * Arrays with one element for each append (appends to one stream adjacent and in order), and with one for each event,
 * where `p_member` says to which append it belongs, from 1, in order. `p_first` is an append's first id where its
 * expectation cannot show a repeat, else null. With `p_all` nothing is stored unless everything can be.
 *
 * `outcomes`: 0 stored, 1 conflict (`revisions` has the stream's), 3 someone holds the stream, 5 an id is known, look
 * closer, 6 the stream was removed. It never waits for a stream: who holds one delays only that one. `lock_timeout` is for ids that another
 * transaction is storing.
 */
export const appendGroup = (schema: string): string => `
CREATE FUNCTION ${schema}.append_group(
  p_all boolean, p_streams text[], p_categories text[], p_expected bigint[], p_counts int[], p_first uuid[],
  p_member int[], p_ids uuid[], p_types text[], p_versions int[], p_data text[], p_metadata text[],
  OUT outcomes int[], OUT revisions bigint[], OUT positions bigint[]
) LANGUAGE plpgsql ${asOwner} SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  n int := cardinality(p_streams);
  held boolean[];
  heads bigint[];
  times timestamptz[];
  removed boolean[];
  known boolean[];
  base bigint[] := array_fill(NULL::bigint, ARRAY[n]);
  drawn bigint[];
  head bigint;
  events bigint := 0;
  expected bigint;
  previous text;
  now_ timestamptz;
  stores boolean := false;
  clash boolean := false;
  nothing text;
BEGIN
  IF NOT p_all THEN nothing := set_config('lock_timeout', '100ms', true); END IF;
  SELECT array_agg(pg_try_advisory_xact_lock(${streamKey(schema, "u.stream")})) INTO held FROM unnest(p_streams) u(stream);
  SELECT array_agg(coalesce(x.revision, -1)), array_agg(x.recorded_at), array_agg(${isTombstone("x.type")}) INTO heads, times, removed
    FROM unnest(p_streams) u(stream) LEFT JOIN LATERAL (
      SELECT e.revision, e.recorded_at, e.type FROM ${schema}.events e WHERE e.stream = u.stream ORDER BY e.revision DESC LIMIT 1
    ) x ON true;
  IF -2 = ANY (p_expected) OR -3 = ANY (p_expected) THEN
    SELECT array_agg(x.one IS NOT NULL) INTO known
      FROM unnest(p_first) u(id) LEFT JOIN LATERAL (SELECT 1 one FROM ${schema}.events e WHERE e.id = u.id LIMIT 1) x ON true;
  END IF;
  outcomes := array_fill(0, ARRAY[n]);
  revisions := base;
  positions := base;
  FOR i IN 1..n LOOP
    IF previous IS DISTINCT FROM p_streams[i] THEN head := heads[i]; previous := p_streams[i]; END IF;
    expected := p_expected[i];
    IF NOT held[i] THEN outcomes[i] := 3;
    ELSIF known[i] THEN outcomes[i] := 5;
    ELSIF removed[i] THEN outcomes[i] := 6;
    ELSIF expected = head OR expected = -2 OR (expected = -3 AND head >= 0) THEN
      base[i] := head - events;
      head := head + p_counts[i];
      revisions[i] := head;
      stores := stores OR p_counts[i] > 0;
    ELSE
      outcomes[i] := 1;
      revisions[i] := head;
      clash := true;
    END IF;
    events := events + p_counts[i];
  END LOOP;
  IF clash THEN
    -- A conflict whose ids are stored is perhaps a repeat.
    SELECT array_agg(CASE WHEN z.outcome = 1 AND EXISTS (
        SELECT 1 FROM unnest(p_member, p_ids) w(member, id)
          CROSS JOIN LATERAL (SELECT 1 FROM ${schema}.events e WHERE e.id = w.id LIMIT 1) x WHERE w.member = z.o
      ) THEN 5 ELSE z.outcome END ORDER BY z.o)
      INTO outcomes FROM unnest(outcomes) WITH ORDINALITY z(outcome, o);
  END IF;
  IF ${keepsSnapshot} THEN
    -- What is stored meets the unique index; what is not must not rest on a stale head.
    FOR i IN 1..n LOOP
      IF outcomes[i] = 1 OR (outcomes[i] = 0 AND p_counts[i] = 0) THEN
        nothing := ${schema}.refuse_stale(p_streams[i], p_categories[i], revisions[i]);
      END IF;
    END LOOP;
  END IF;
  IF NOT stores OR (p_all AND (1 = ANY (outcomes) OR 3 = ANY (outcomes) OR 5 = ANY (outcomes) OR 6 = ANY (outcomes))) THEN RETURN; END IF;
  ${takeFloor(schema)}
  now_ := ${now};
  SELECT array_agg(nextval('${schema}.position'::regclass)) INTO drawn FROM generate_series(1, events);
  INSERT INTO ${schema}.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    SELECT drawn[u.o], base[u.member] + u.o, greatest(times[u.member], now_), u.id, u.v,
      p_streams[u.member], p_categories[u.member], u.t, u.d::json, u.m::json
    FROM unnest(p_member, p_ids, p_types, p_versions, p_data, p_metadata) WITH ORDINALITY u(member, id, t, v, d, m, o)
    WHERE base[u.member] IS NOT NULL;
  events := 0;
  FOR i IN 1..n LOOP
    events := events + p_counts[i];
    IF base[i] IS NOT NULL AND p_counts[i] > 0 THEN positions[i] := drawn[events]; END IF;
  END LOOP;
END $$`
