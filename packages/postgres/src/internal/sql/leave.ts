// Takes part no more. Parameters: $1 name, $2 holder.

/** No rows. */
export const leave = (schema: string): string =>
  `DELETE FROM ${schema}.members WHERE name = $1::text AND holder = $2::text`
