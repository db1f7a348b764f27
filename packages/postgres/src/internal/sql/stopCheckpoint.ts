// Records on what a consumer stopped. Parameters: $1 name, $2 what, as JSON text.

/** Always one row. */
export const stopCheckpoint = (schema: string): string => `
INSERT INTO ${schema}.checkpoints (name, stopped)
VALUES ($1::text, $2::text::json)
ON CONFLICT (name) DO UPDATE SET stopped = excluded.stopped
RETURNING 1`
