// A thrown value in words.

/** The message of an error, with its name; anything else as text. */
export const describe = (thrown: unknown): string =>
  thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
