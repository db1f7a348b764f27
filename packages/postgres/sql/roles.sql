-- roles.sql: the roles of a store, and its schema. Run it once, as an administrator, before the first migration.
--
-- Replace these names where they do not suit you, here and in grants.sql alike:
--   "evolvent"         the schema, which is the library's own (the option `schema`)
--   "evolvent_owner"   migrates, and owns what is there; for the step of a deployment that runs Postgres.migrate
--   "evolvent_writer"  what the application signs in as, with Postgres.layerNoMigrations
--   "evolvent_reader"  for reports, dashboards and people
--
-- The roles have no password yet: ALTER ROLE … PASSWORD, or let them sign in as pg_hba.conf says.
-- An administrator who is no superuser first needs: GRANT "evolvent_owner" TO CURRENT_USER
-- Then: migrate as the owner, and run grants.sql.
BEGIN;

DO $role$ BEGIN CREATE ROLE "evolvent_owner" LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $role$;
DO $role$ BEGIN CREATE ROLE "evolvent_writer" LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $role$;
DO $role$ BEGIN CREATE ROLE "evolvent_reader" LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $role$;
CREATE SCHEMA IF NOT EXISTS "evolvent" AUTHORIZATION "evolvent_owner";

COMMIT;
