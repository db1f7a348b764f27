// The table of a projection's version. Parameters: $1 name, $2 version.

/** Columns: the table's name, its indexes as JSON text. No row when nothing was ever written. */
export const findReadModel = (schema: string): string => `
SELECT table_name, indexes::text
FROM ${schema}.read_models
WHERE name_sha256 = sha256(convert_to($1::text, 'UTF8')) AND version = $2::bigint`
