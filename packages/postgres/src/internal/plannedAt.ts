// plannedAt: a statement's text, such that a plan from a log of a few pages is not used in one that has grown.

/** A log with greater positions is larger than a few pages of the table. */
const fewPages = 10_000

/**
 * The text of a statement for a log that is known to reach up to a position.
 *
 * A plan lasts as long as the session, or until the table is analyzed, and goes by its statement's text. Of a few pages
 * all rows are read and sorted, rightly; of more no statement here does that, since none shows its values: with a limit
 * that it does not see the planner reckons with a tenth of the rows, for which an index does less than a sort of all.
 */
export const plannedAt = (position: number, text: string): string => (position > fewPages ? `${text} -- grown` : text)
