// PostgresError: why the services cannot begin on a database.
import * as Schema from "effect/Schema"

/** The schema is of a version that this code cannot run on: too old, too new, or not there at all. */
export class SchemaMismatch extends Schema.TaggedError<SchemaMismatch>()("SchemaMismatch", {
  schema: Schema.String,
  /** The version of the schema in the database; 0 where it was never migrated. */
  found: Schema.Int,
  /** The version that this code was written for; it also runs on the next one. */
  needed: Schema.Int
}) {
  override get message(): string {
    const { found, needed, schema } = this
    return found === 0
      ? `The schema "${schema}" was never migrated, or this role may not look into it. Migrate with Postgres.layer or ` +
          `Postgres.migrate under the owner's role, or look which schema and database the layer was given.`
      : found < needed
        ? `The schema "${schema}" is at version ${found}, but this code needs ${needed}. Migrate with Postgres.layer or ` +
          `Postgres.migrate under the owner's role before this code starts.`
        : `The schema "${schema}" is at version ${found}, but this code knows ${needed} and runs on ${needed + 1} at most. ` +
          `Deploy a newer version of @evolvent/postgres.`
  }
}

/** A migration did not go through; the schema is as it was before. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  schema: Schema.String,
  problem: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `The schema "${this.schema}" could not be migrated and is as it was before: ${this.problem}.`
  }
}

/** An option of the layer that cannot be used. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The option "${this.option}" of Postgres.layer cannot be used: ${this.problem}.`
  }
}
