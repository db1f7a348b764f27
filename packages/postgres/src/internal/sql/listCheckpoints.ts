// The names of all checkpoints and leases. No parameters.

/** A row with each name. */
export const listCheckpoints = (schema: string): string => `SELECT name FROM ${schema}.checkpoints`
