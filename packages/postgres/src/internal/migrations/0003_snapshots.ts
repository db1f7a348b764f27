// Migration 3: snapshots, a cache of folded states that may be emptied at any time.

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => [
  // The state is text: it comes back as it was given, at any depth, and nobody pays for parsing what is only a cache.
  `CREATE TABLE ${schema}.snapshots (
    stream text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 0),
    position bigint NOT NULL,
    state text NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, fingerprint)
  )`,
  `COMMENT ON TABLE ${schema}.snapshots IS 'A cache of folded states; deleting all of it changes no answer'`
]
