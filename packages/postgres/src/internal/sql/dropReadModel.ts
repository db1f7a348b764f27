// Drops the table of a projection's version. Parameters: $1 name, $2 version.

/** Nothing of interest comes back. */
export const dropReadModel = (schema: string): string => `
SELECT ${schema}.drop_read_model($1::text, $2::bigint)::text`
