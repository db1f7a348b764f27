// What a row can hold: which texts PostgreSQL stores, and how large an index entry and a message may be.

/** Why a text cannot be stored, or undefined when it can: the rest of a sentence about it. */
export const textProblem = (text: string): string | undefined =>
  text.includes("\u0000")
    ? "holds the NUL character, which PostgreSQL has no place for"
    : text.isWellFormed()
      ? undefined
      : "holds half of a surrogate pair, which is no character and would come back as another one"

// The server takes 2 704 bytes, of which it needs up to 30 for itself. It compresses, but nobody can count on that.
const maxEntryBytes = 2600

/** Why texts have no room together in one entry of an index, or undefined when they have. */
export const entryProblem = (...texts: ReadonlyArray<string>): string | undefined => {
  if (texts.reduce((sum, text) => sum + text.length * 3, 0) <= maxEntryBytes) return undefined
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  return bytes <= maxEntryBytes
    ? undefined
    : `is too long for an index of PostgreSQL: ${bytes} bytes, where ${maxEntryBytes} have room`
}

// What the client takes unless it is told otherwise; a row comes as one message, and other columns need room as well.
const defaultMessage = 16 * 1024 * 1024
const slack = 64 * 1024

/** Why a text could be stored but not read back, or undefined when it could. */
export const messageProblem = (text: string, maxMessageSize = defaultMessage): string | undefined => {
  const most = maxMessageSize - slack
  if (text.length * 3 <= most) return undefined
  const bytes = Buffer.byteLength(text)
  return bytes <= most
    ? undefined
    : `has ${bytes} bytes, but the client reads at most ${most} at once (maxMessageSize of PgClient)`
}
