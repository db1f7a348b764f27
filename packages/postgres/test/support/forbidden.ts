// forbidden: statements by which somebody could forge, change or lose an event of the schema "Shop", or what guards it.

const columns = "position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata"
const forged = `(${columns}) VALUES (1, 0, now(), gen_random_uuid(), 1, 'a-1', 'a', 'T', '{}', '{}')`
/** None of them is for the writer or the reader; each is refused with 42501. */
export const forbidden: ReadonlyArray<string> = [
  `INSERT INTO "Shop".events ${forged}`,
  `INSERT INTO "Shop".events ${forged} ON CONFLICT (id) DO UPDATE SET data = '{}'`,
  `UPDATE "Shop".events SET data = '{}'`,
  `DELETE FROM "Shop".events`,
  `TRUNCATE "Shop".events`,
  `TRUNCATE "Shop".events, "Shop".snapshots CASCADE`,
  `MERGE INTO "Shop".events e USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE`,
  `COPY "Shop".events FROM STDIN`,
  `SELECT 1 FROM "Shop".events FOR UPDATE`,
  `LOCK TABLE "Shop".events IN ACCESS EXCLUSIVE MODE`,
  `ALTER TABLE "Shop".events DISABLE TRIGGER ALL`,
  `ALTER TABLE "Shop".events ADD COLUMN more int`,
  `ALTER TABLE "Shop".events OWNER TO writer`,
  `CREATE TRIGGER lose BEFORE INSERT ON "Shop".events FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
  `CREATE RULE lose AS ON INSERT TO "Shop".events DO INSTEAD NOTHING`,
  `CREATE INDEX ON "Shop".events (type)`,
  `DROP TABLE "Shop".events CASCADE`,
  `ALTER TABLE "Shop".events DROP CONSTRAINT events_stream_revision`,
  `DROP INDEX "Shop".events_id`,
  `DROP FUNCTION "Shop".append_event CASCADE`,
  `CREATE OR REPLACE FUNCTION "Shop".safe_position(OUT safe float8, OUT ceiling float8, OUT last float8) LANGUAGE sql AS 'SELECT 1, 1, 1'`,
  `DROP SCHEMA "Shop" CASCADE`,
  `CREATE TABLE "Shop".mine (a int)`,
  `SELECT setval('"Shop".position', 1)`,
  `SELECT nextval('"Shop".position')`,
  `SELECT "Shop".refuse_stale('a-1', 'a', 0)`,
  // Who imports says when events happened.
  `SELECT "Shop".import_events(0, '{a-1}', '{0}', '{0}', ARRAY[gen_random_uuid()], '{T}', '{1}', '{"{}"}', '{"{}"}')`,
  // A table that the catalogue names can be dropped by its function, so nobody writes the catalogue.
  `INSERT INTO "Shop".read_models VALUES ('\\x00', 1, 'x', 'events', '[]')`,
  `UPDATE "Shop".read_models SET table_name = 'events'`,
  `DELETE FROM "Shop".checkpoints`,
  `UPDATE "Shop".migrations SET migration_id = migration_id + 1`,
  `SET session_replication_role = replica`,
  `SET ROLE "the ""owner"""`
]
