// roles: who may do what with a schema, as the SQL that makes it so. `sql/` holds the same for those who use psql.
import { identifier, literal } from "./Database.ts"

/** The names of a schema and of its three roles. */
export interface RoleNames {
  /** The schema that holds everything, "evolvent" unless given. */
  readonly schema?: string
  /** Migrates, and owns what is there. */
  readonly owner: string
  /** What an application signs in as: it appends, reads, runs processors and keeps read models. */
  readonly writer: string
  /** For reports, dashboards and people: reads everything and changes nothing. */
  readonly reader: string
}

/** Statements for the two steps, each to be run in one transaction. */
export interface RoleStatements {
  /** Once, by an administrator, before the first migration: the roles and the schema. */
  readonly create: ReadonlyArray<string>
  /** After each migration, by the owner or an administrator: exactly what each role needs, whatever it had before. */
  readonly grant: ReadonlyArray<string>
}

/** Functions that read, and those that write: all run from outside; any other is for the owner's functions alone. */
const reads = ["safe_position", "read_history", "read_stream", "revision_at", "position_at"]
const appends = ["append_event", "append_events", "append_one", "append_group", "append_all"]
const inline = ["announce_inline", "lock_for_inline", "begin_inline", "end_inline"]
const writes = [...appends, ...inline, "create_read_model", "drop_read_model", "swap_read_models", "truncate_stream"]

/** The statements for a schema and its roles. */
export const statements = (names: RoleNames): RoleStatements => {
  const schema = identifier(names.schema ?? "evolvent")
  const [owner, writer, reader] = [identifier(names.owner), identifier(names.writer), identifier(names.reader)]
  const both = `${writer}, ${reader}`
  const functions = (list: ReadonlyArray<string>) => list.map((name) => `${schema}.${name}`).join(", ")
  const role = (name: string) =>
    `DO $role$ BEGIN CREATE ROLE ${name} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $role$`
  return {
    create: [role(owner), role(writer), role(reader), `CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${owner}`],
    grant: [
      `GRANT USAGE ON SCHEMA ${schema} TO ${both}`,
      `REVOKE ALL ON ALL TABLES IN SCHEMA ${schema} FROM ${both}`,
      `REVOKE ALL ON ALL SEQUENCES IN SCHEMA ${schema} FROM ${both}`,
      `REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC, ${both}`,
      // Events come and go by no statement of the writer's: only the functions that append store them.
      `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${both}`,
      `GRANT INSERT, UPDATE ON ${schema}.checkpoints TO ${writer}`,
      `GRANT INSERT, UPDATE, DELETE ON ${schema}.snapshots, ${schema}.members TO ${writer}`,
      `GRANT EXECUTE ON FUNCTION ${functions(reads)} TO ${both}`,
      `GRANT EXECUTE ON FUNCTION ${functions(writes)} TO ${writer}`,
      // The tables of read models: those that are there, and those that the owner's functions will create.
      `DO $tables$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT table_name FROM ${schema}.read_models LOOP
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s.%I TO %s', ${literal(schema)}, name, ${literal(writer)});
  END LOOP;
END $tables$`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${schema} GRANT SELECT ON TABLES TO ${reader}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${writer}`
    ]
  }
}
