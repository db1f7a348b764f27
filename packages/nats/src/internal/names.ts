// names: texts of any shape as tokens of subjects and keys, and back; no text can address what is another's.
import * as Result from "effect/Result"

const plain = /^[A-Za-z0-9_-]+$/
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const hex = Array.from({ length: 256 }, (_, byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`)

/**
 * The longest a subject may be. The server ends the connection, with all that is on its way, where a line of the protocol
 * has more than 4 096 bytes, and a subject may stand in a line twice.
 */
export const longestSubject = 1800

const isPlain = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x5f ||
  byte === 0x2d

/**
 * A text as one token: letters, digits, `_` and `-` as they are, every other byte of its UTF-8 as `=HH`, nothing as `=`.
 *
 * Different texts have different tokens. A text with half of a surrogate pair has none, since it has no bytes of its own.
 */
export const token = (text: string): Result.Result<string, string> => {
  if (plain.test(text)) return Result.succeed(text)
  if (text === "") return Result.succeed("=")
  if (!text.isWellFormed()) return Result.fail("it holds half of a surrogate pair, which has no bytes of its own")
  let made = ""
  for (const byte of encoder.encode(text)) made += isPlain(byte) ? String.fromCharCode(byte) : (hex[byte] ?? "")
  return Result.succeed(made)
}

/** The text of a token. */
export const text = (made: string): string => {
  if (!made.includes("=")) return made
  const bytes: Array<number> = []
  for (let i = 0; i < made.length; i++) {
    if (made[i] !== "=") bytes.push(made.charCodeAt(i))
    else if (made.length > 1) {
      bytes.push(Number.parseInt(made.slice(i + 1, i + 3), 16))
      i += 2
    }
  }
  return decoder.decode(Uint8Array.from(bytes))
}
