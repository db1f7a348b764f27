// read_history(): a page of one stream in a few rows, with as much of each event as folding needs.
import { inOrder, isSmall } from "./recorded.ts"

// A row of so many events is taken apart faster than as many rows, and is small enough for the first to be sent, and
// worked on, while the server makes the next.
const eventsInARow = 128

/**
 * The events of `p_stream` from revision `p_from` on, each row with some of them by column, as one JSON array; what is in it
 * stands at the top of `internal/historyColumns.ts`.
 *
 * Events so large that a row might not fit into one message are left out of the data, and only of the data.
 *
 * Rows are sent one by one only by functions in SQL; before version 18 PostgreSQL plans those anew at every call, which costs
 * more than that saves.
 */
export const readHistory = (schema: string): string => {
  const select = `SELECT json_build_array(head.revision, page.types, page.data, page.least_version, page.greatest_version,
      page.first_id, page.first_position, page.last_position)
    FROM (SELECT e.revision FROM ${schema}.events e WHERE e.stream = p_stream ORDER BY e.revision DESC LIMIT 1) head
    CROSS JOIN LATERAL generate_series(p_from, least(head.revision, p_from + p_limit - 1), ${eventsInARow}) AS start
    CROSS JOIN LATERAL (
      SELECT json_agg(row.type) AS types,
          json_agg(row.data) FILTER (WHERE ${isSmall("row")}) AS data,
          min(row.schema_version) AS least_version, max(row.schema_version) AS greatest_version,
          (
            SELECT e.id FROM ${schema}.events e WHERE e.stream = p_stream AND e.revision >= start ORDER BY e.revision LIMIT 1
          ) AS first_id,
          min(row.position) AS first_position, max(row.position) AS last_position
        FROM (
          SELECT e.type, e.data, e.schema_version, e.position
            FROM ${schema}.events e
            WHERE e.stream = p_stream AND e.revision >= start
              AND e.revision < least(start + ${eventsInARow}, p_from + p_limit)
            ORDER BY e.revision
        ) row
    ) page`
  const create = (language: "sql" | "plpgsql", body: string) => `
    CREATE FUNCTION ${schema}.read_history(p_stream text, p_from bigint, p_limit int) RETURNS SETOF json
    LANGUAGE ${language} STABLE ${inOrder} AS $body$${body}$body$;`
  return `DO $do$
BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN ${create("sql", select)}
  ELSE ${create("plpgsql", `BEGIN RETURN QUERY ${select}; END`)}
  END IF;
END $do$`
}
