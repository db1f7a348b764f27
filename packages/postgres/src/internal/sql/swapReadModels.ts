// Exchanges the rows of two read models. Parameters: $1 and $2 name and version of one, $3 and $4 of the other.

/** Nothing of interest comes back. */
export const swapReadModels = (schema: string): string => `
SELECT ${schema}.swap_read_models($1::text, $2::bigint, $3::text, $4::bigint)::text`
