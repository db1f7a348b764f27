// Says that one takes part in the work of a name, forgets who fell silent, and gives all who do.
// Parameters: $1 name, $2 holder, $3 partitions, $4 milliseconds.

/**
 * Columns: holder, partitions; in the order of holders.
 *
 * Who is just coming back is left alone: members that all fell silent would else wait for each other in a circle.
 */
export const attend = (schema: string): string => `
WITH silent AS (
  DELETE FROM ${schema}.members gone USING (
    SELECT m.holder FROM ${schema}.members m
    WHERE m.name = $1::text AND m.holder <> $2::text AND m.until <= clock_timestamp() FOR UPDATE SKIP LOCKED
  ) m
  WHERE gone.name = $1::text AND gone.holder = m.holder
), me AS (
  INSERT INTO ${schema}.members (name, holder, partitions, until)
  VALUES ($1::text, $2::text, $3::int, clock_timestamp() + $4::float8 * interval '1 millisecond')
  ON CONFLICT (name, holder) DO UPDATE SET partitions = excluded.partitions, until = excluded.until
)
SELECT all_.holder, all_.partitions FROM (
  SELECT m.holder, m.partitions FROM ${schema}.members m
  WHERE m.name = $1::text AND m.holder <> $2::text AND m.until > clock_timestamp()
  UNION ALL SELECT $2::text, $3::int
) all_ (holder, partitions)
ORDER BY all_.holder COLLATE "C"`
