// @evolvent/postgres: evolvent on PostgreSQL.
export * as Postgres from "./Postgres.ts"
export * as PostgresError from "./PostgresError.ts"
