// Migration 2: checkpoints, what each of them stopped on, and the leases that guard them.

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => [
  // Moved again and again: free space in the page keeps its updates there, off the index.
  `CREATE TABLE ${schema}.checkpoints (
    name text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    moved_at timestamptz,
    stopped json,
    token bigint NOT NULL DEFAULT 0,
    holder text,
    lease_until timestamptz
  ) WITH (fillfactor = 50)`,
  `COMMENT ON TABLE ${schema}.checkpoints IS 'How far each consumer has come, and which process may move it'`
]
