-- grants.sql: exactly what the writer and the reader need. Run it after each migration, as the owner or an administrator.
--
-- The names are those of roles.sql. Whatever else the two roles had in this schema is taken back.
-- Nobody but the owner can INSERT, UPDATE, DELETE or TRUNCATE events: the functions that append store them, as the owner.
BEGIN;

GRANT USAGE ON SCHEMA "evolvent" TO "evolvent_writer", "evolvent_reader";
REVOKE ALL ON ALL TABLES IN SCHEMA "evolvent" FROM "evolvent_writer", "evolvent_reader";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA "evolvent" FROM "evolvent_writer", "evolvent_reader";
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA "evolvent" FROM PUBLIC, "evolvent_writer", "evolvent_reader";
GRANT SELECT ON ALL TABLES IN SCHEMA "evolvent" TO "evolvent_writer", "evolvent_reader";
GRANT INSERT, UPDATE ON "evolvent".checkpoints TO "evolvent_writer";
GRANT INSERT, UPDATE, DELETE ON "evolvent".snapshots, "evolvent".members TO "evolvent_writer";
GRANT EXECUTE ON FUNCTION "evolvent".safe_position, "evolvent".read_history, "evolvent".read_stream, "evolvent".revision_at, "evolvent".position_at TO "evolvent_writer", "evolvent_reader";
GRANT EXECUTE ON FUNCTION "evolvent".append_event, "evolvent".append_events, "evolvent".append_one, "evolvent".append_group, "evolvent".append_all, "evolvent".announce_inline, "evolvent".lock_for_inline, "evolvent".begin_inline, "evolvent".end_inline, "evolvent".create_read_model, "evolvent".drop_read_model, "evolvent".swap_read_models, "evolvent".truncate_stream TO "evolvent_writer";
DO $tables$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT table_name FROM "evolvent".read_models LOOP
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s.%I TO %s', '"evolvent"', name, '"evolvent_writer"');
  END LOOP;
END $tables$;
ALTER DEFAULT PRIVILEGES FOR ROLE "evolvent_owner" IN SCHEMA "evolvent" GRANT SELECT ON TABLES TO "evolvent_reader";
ALTER DEFAULT PRIVILEGES FOR ROLE "evolvent_owner" IN SCHEMA "evolvent" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "evolvent_writer";

COMMIT;
