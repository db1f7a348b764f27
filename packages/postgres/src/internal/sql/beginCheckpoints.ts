// Makes checkpoints that nobody has seen yet. Parameters: $1 names.

/** Whether or not they are new, they are there. */
export const beginCheckpoints = (schema: string): string => `
INSERT INTO ${schema}.checkpoints (name)
SELECT n.name FROM unnest($1::text[]) n(name) ORDER BY n.name COLLATE "C"
ON CONFLICT (name) DO NOTHING`
