// A thrown value or a typed error in words.

/** The name and message of an error; of one without a message, its tag and fields; anything else as text. */
export const describe = (thrown: unknown): string => {
  const tag = typeof thrown === "object" && thrown !== null && "_tag" in thrown ? String(thrown._tag) : undefined
  if (thrown instanceof Error && thrown.message !== "") return `${tag ?? thrown.name}: ${thrown.message}`
  if (tag === undefined) return thrown instanceof Error ? thrown.name : String(thrown)
  return `${tag}${fieldsOf(thrown as object)}`
}

const fieldsOf = (error: object): string => {
  const fields = Object.entries(error).filter(([key]) => key !== "_tag" && key !== "name" && key !== "message")
  if (fields.length === 0) return ""
  try {
    return ` ${JSON.stringify(Object.fromEntries(fields))}`
  } catch {
    // What JSON cannot hold is left out of a message.
    return ""
  }
}
