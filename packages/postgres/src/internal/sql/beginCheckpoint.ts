// The first move of a checkpoint that nobody has seen yet. Parameters: $1 name, $2 to.

/** One row when it began here, none when somebody else began it. */
export const beginCheckpoint = (schema: string): string => `
INSERT INTO ${schema}.checkpoints (name, position, moved_at)
VALUES ($1::text, $2::bigint, clock_timestamp())
ON CONFLICT (name) DO NOTHING
RETURNING 1`
