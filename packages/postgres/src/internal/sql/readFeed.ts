// A page of all streams, or of some categories, by position. Parameters: $1 to $8, as below.
import { directions, recordedColumns } from "./functions/recorded.ts"

// Behind a SELECT of its own the planner does not see a value, and behind a CASE not that a filter may leave little: all it
// goes by is that a page is a tenth of what there is, so it reads them in their order.
const low = "(SELECT $1::bigint)"
const high = "(SELECT $2::bigint)"
const categories = "$3::text[]"
const system = "$4::boolean"
const types = "$5::text[]"
const typed = "$6::text[]"
const whole = "$7::text[]"
const limit = "(SELECT $8::int)"

const inRange = `e.position BETWEEN ${low} AND ${high}`
// A category holds no dash, so the two names make one key.
const isTyped = `(${types} IS NULL OR e.type = ANY (${types}))
  AND (${typed} IS NULL OR e.category = ANY (${whole}) OR (e.category || '-' || e.type) = ANY (${typed}))`

/**
 * The events between two positions, in one direction. The range is looked through: an index on categories would cost every
 * append a sixth, and save those who read a small category in a large log a part of a second a million events.
 *
 * Of all categories the library's own (`$`) only where `system`. `types` are types of any category; where categories have
 * types of their own, `typed` holds "category-type", and `whole` those that are wanted whole. No function: rows are sent
 * while the page is still read.
 */
export const readFeed = (schema: string, of: "all" | "some", direction: keyof typeof directions): string => `
SELECT ${recordedColumns}
FROM ${schema}.events e
WHERE ${inRange} AND CASE
  WHEN ${of === "all" ? `(${system} OR e.category NOT LIKE '$%')` : `e.category = ANY (${categories})`}
  AND ${isTyped} THEN true ELSE false END
ORDER BY e.position ${directions[direction].order} LIMIT ${limit}`
