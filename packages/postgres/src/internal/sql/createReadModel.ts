// The table of a projection's version, created where there is none.
// Parameters: $1 name, $2 version, $3 names for the table, $4 fields, $5 their columns, $6 their kinds.

/** Columns: the table's name, its indexes as JSON text. */
export const createReadModel = (schema: string): string => `
SELECT found_table, found_indexes
FROM ${schema}.create_read_model($1::text, $2::bigint, $3::text[], $4::text[], $5::text[], $6::text[])`
