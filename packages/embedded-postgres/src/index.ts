// The modules of @evolvent/embedded-postgres, one namespace each.
export * as EmbeddedPostgres from "./EmbeddedPostgres.ts"
export * as EmbeddedPostgresError from "./EmbeddedPostgresError.ts"
