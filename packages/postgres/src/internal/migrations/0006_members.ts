// Migration 6: who shares the work of a consumer, and a checkpoint for each of its sixteen slots.
import { beginInline } from "../sql/functions/beginInline.ts"
import { endInline } from "../sql/functions/endInline.ts"
import { takenBack } from "../sql/functions/rights.ts"

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => {
  const functions = [beginInline(schema), endInline(schema)]
  return [
    `CREATE TABLE ${schema}.members (
      name text COLLATE "C",
      holder text COLLATE "C",
      partitions int NOT NULL,
      until timestamptz NOT NULL,
      PRIMARY KEY (name, holder)
    ) WITH (fillfactor = 50)`,
    `COMMENT ON TABLE ${schema}.members IS 'Which processes share the work of each consumer'`,
    // What one checkpoint said of all keys is true of each slot. All of them are taken out first: a name may look like a slot's.
    `DO $slots$
DECLARE
  whole ${schema}.checkpoints[] := ARRAY(SELECT c FROM ${schema}.checkpoints c WHERE c.name ~ '^(projection|reactor|handler)/');
BEGIN
  DELETE FROM ${schema}.checkpoints c WHERE c.name ~ '^(projection|reactor|handler)/';
  INSERT INTO ${schema}.checkpoints (name, position, moved_at, stopped, token, holder, lease_until)
    SELECT c.name || '/' || slot, c.position, c.moved_at, c.stopped, c.token, c.holder, c.lease_until
    FROM unnest(whole) c CROSS JOIN generate_series(0, 15) slot
    ON CONFLICT DO NOTHING;
END $slots$`,
    ...functions.map((text) => text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")),
    ...takenBack(functions)
  ]
}
