// @evolvent/postgres: evolvent on PostgreSQL.
export * as InlineProjections from "./InlineProjections.ts"
export * as Postgres from "./Postgres.ts"
export * as PostgresError from "./PostgresError.ts"
