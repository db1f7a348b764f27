// tables: what the soak writes down beside the store: the handler's rows, the reactor's doings, and all that becomes of leases.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"

/** What a process's connections are called, so that the notes say whose they are. */
export const outside = (process: string): string => `${process} outside`

const statements = [
  "CREATE SCHEMA soak",
  // Nothing is unique here: what comes twice shall be seen.
  `CREATE TABLE soak.handled (
    id bigserial, event uuid NOT NULL, stream text NOT NULL, revision bigint NOT NULL, process text NOT NULL
  )`,
  `CREATE TABLE soak.outside (
    id bigserial, what text NOT NULL, handling text NOT NULL, event uuid NOT NULL, stream text NOT NULL,
    revision bigint NOT NULL, position bigint NOT NULL, process text NOT NULL, pid int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
  `CREATE TABLE soak.notes (
    id bigserial PRIMARY KEY, name text NOT NULL, what text NOT NULL, process text NOT NULL, token bigint, until timestamptz,
    position bigint, at timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
  // Under the lock of the row, so that the notes of a slot have the order of its changes.
  `CREATE FUNCTION soak.note() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    process text := current_setting('application_name');
  BEGIN
    IF TG_OP = 'INSERT' OR (OLD.holder, OLD.token, OLD.lease_until) IS DISTINCT FROM (NEW.holder, NEW.token, NEW.lease_until) THEN
      INSERT INTO soak.notes (name, what, process, token, until)
      VALUES (NEW.name, CASE WHEN NEW.holder IS NULL THEN 'free' ELSE 'lease' END, process, NEW.token, NEW.lease_until);
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.position <> NEW.position THEN
      INSERT INTO soak.notes (name, what, process, token, position) VALUES (NEW.name, 'move', process, NEW.token, NEW.position);
    END IF;
    RETURN NULL;
  END $$`,
  `CREATE TRIGGER soak AFTER INSERT OR UPDATE ON evolvent.checkpoints FOR EACH ROW EXECUTE FUNCTION soak.note()`
]

/** Makes the tables, in a store that was migrated. */
export const create = (sql: PgClient): Effect.Effect<void, SqlError> =>
  Effect.forEach(statements, (text) => sql.unsafe(text), { discard: true })

/** A change of a lease or a checkpoint, with the time of the server in milliseconds. */
export interface Note {
  readonly what: "lease" | "free" | "move"
  readonly process: string
  readonly token: number
  readonly until: number
  readonly position: number
  readonly at: number
}

/** The notes of a slot, in their order. */
export const notesOf = (sql: PgClient, name: string): Effect.Effect<ReadonlyArray<Note>, SqlError> =>
  sql.unsafe<Note>(
    `SELECT what, process, coalesce(token, 0)::float8 AS token, coalesce(position, 0)::float8 AS position,
      coalesce(date_part('epoch', until) * 1000, 0)::float8 AS until, (date_part('epoch', at) * 1000)::float8 AS at
    FROM soak.notes WHERE name = $1 ORDER BY id`,
    [name]
  )

/** A row of the handler. */
export interface Handled {
  readonly event: string
  readonly stream: string
  readonly revision: number
}

/** The handler's rows, in their order. */
export const handled = (sql: PgClient): Effect.Effect<ReadonlyArray<Handled>, SqlError> =>
  sql.unsafe<Handled>("SELECT event::text, stream, revision::float8 FROM soak.handled ORDER BY id")

/** A line of the reactor. */
export interface Line {
  readonly what: "begin" | "end" | "failed"
  readonly handling: string
  readonly event: string
  readonly stream: string
  readonly revision: number
  readonly position: number
  readonly process: string
  readonly at: number
}

/** The reactor's lines, in their order. */
export const lines = (sql: PgClient): Effect.Effect<ReadonlyArray<Line>, SqlError> =>
  sql.unsafe<Line>(
    `SELECT what, handling, event::text, stream, revision::float8, position::float8, process,
      (date_part('epoch', at) * 1000)::float8 AS at
    FROM soak.outside ORDER BY id`
  )
