// Saves a snapshot unless a newer one is there. Parameters: $1 stream, $2 fingerprint, $3 revision, $4 position, $5 state.

/** No columns. */
export const saveSnapshot = (schema: string): string => `
INSERT INTO ${schema}.snapshots AS held (stream, fingerprint, revision, position, state)
VALUES ($1::text, $2::text, $3::bigint, $4::bigint, $5::text)
ON CONFLICT (stream, fingerprint) DO UPDATE
SET revision = excluded.revision, position = excluded.position, state = excluded.state, saved_at = excluded.saved_at
WHERE held.revision <= excluded.revision`
