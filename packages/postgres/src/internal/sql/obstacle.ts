// The append that holds readers up: of those that are not through yet the one with the lowest floor.
import { storeKey } from "./functions/floor.ts"

/** Columns: the position behind which readers wait, the process id of its backend, the milliseconds of its transaction. */
export const obstacle = (schema: string): string => `
SELECT (last.allocated + (k.objid::bigint - (last.allocated & 4294967295) + 6442450944) % 4294967296 - 2147483648)::float8,
  k.pid, coalesce(extract(epoch FROM clock_timestamp() - a.xact_start) * 1000, 0)::float8
FROM (SELECT coalesce(pg_sequence_last_value('${schema}.position'::regclass), 0) AS allocated) last,
  pg_locks k LEFT JOIN pg_stat_activity a ON a.pid = k.pid
WHERE k.locktype = 'advisory' AND k.objsubid = 2 AND k.mode = 'ShareLock' AND k.granted
  AND k.classid = ${storeKey(schema)}
  AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
ORDER BY 1, 3 DESC LIMIT 1`
