// CSV as RFC 4180 has it, read from chunks of text of any size; a broken record costs one line, never the rest of the file.

/** A record, with the line on which it begins, and how many characters it took. */
export type CsvRecord = Fields | Broken

export interface Fields {
  readonly _tag: "Fields"
  readonly line: number
  readonly size: number
  readonly fields: ReadonlyArray<string>
}

/** A line that is no record, and why. */
export interface Broken {
  readonly _tag: "Broken"
  readonly line: number
  readonly size: number
  readonly problem: string
}

/** A quote that is still open after so many characters was not meant to be one. */
const longestRecord = 1_000_000

type Parsed = Fields | Broken | "incomplete"

/** A parser of one file: give it the text in chunks, then say that it ended. Both return the records found by then. */
export interface CsvParser {
  readonly push: (text: string) => ReadonlyArray<CsvRecord>
  readonly end: () => ReadonlyArray<CsvRecord>
}

/**
 * A new parser.
 *
 * Fields may be quoted and then hold commas, line ends and doubled quotes. Lines end with LF or CRLF; empty ones are
 * passed over. All records have as many fields as the first. What begins as a record of several lines and is broken
 * counts as one broken line: reading goes on with the line after it.
 */
export const make = (): CsvParser => {
  let text = ""
  let line = 1
  let columns: number | undefined

  const take = (ended: boolean): ReadonlyArray<CsvRecord> => {
    const records: Array<CsvRecord> = []
    let start = 0
    while (start < text.length) {
      const record = parse(text, start, line, columns, ended)
      if (record === "incomplete") break
      start += record.size
      line += record._tag === "Broken" ? 1 : lineEndsIn(text, start - record.size, start)
      if (record._tag === "Fields") {
        if (record.fields.length === 1 && record.fields[0] === "") continue
        columns ??= record.fields.length
      }
      records.push(record)
    }
    text = text.slice(start)
    return records
  }

  return {
    push: (chunk) => {
      // The mark that some programs put in front of UTF-8.
      text += line === 1 && text === "" && chunk.startsWith("\uFEFF") ? chunk.slice(1) : chunk
      return take(false)
    },
    end: () => take(true)
  }
}

const parse = (text: string, start: number, line: number, columns: number | undefined, ended: boolean): Parsed => {
  const lf = text.indexOf("\n", start)
  const lineEnd = lf === -1 ? text.length : lf + 1
  const broken = (problem: string): Parsed =>
    lf === -1 && !ended && text.length - start <= longestRecord
      ? "incomplete"
      : { _tag: "Broken", line, size: lineEnd - start, problem }
  const done = (fields: ReadonlyArray<string>, end: number): Parsed =>
    columns === undefined || fields.length === columns || (fields.length === 1 && fields[0] === "")
      ? { _tag: "Fields", line, size: end - start, fields }
      : broken(`it has ${fields.length} ${fields.length === 1 ? "column" : "columns"}, not ${columns}`)

  // Most lines hold no quote at all.
  const content = text.slice(start, contentEnd(text, start, lineEnd))
  if (!content.includes('"')) {
    if (lf === -1 && !ended) return text.length - start > longestRecord ? broken("it is too long") : "incomplete"
    return done(content.split(","), lineEnd)
  }

  const fields: Array<string> = []
  let at = start
  while (true) {
    let end: number
    if (text[at] === '"') {
      const closing = closingQuote(text, at + 1)
      const tooLong = (closing === -1 ? text.length : closing) - start > longestRecord
      if (tooLong) return broken(`a quote is opened and not closed within ${longestRecord} characters`)
      // A quote at the very end of the text so far may be the first half of a doubled one, a CR of a CRLF.
      if (!ended && (closing === -1 || closing + 2 >= text.length)) return "incomplete"
      if (closing === -1) return broken("a quote is opened and never closed")
      fields.push(text.slice(at + 1, closing).replaceAll('""', '"'))
      end = closing + 1
    } else {
      end = at
      while (end < text.length && text[end] !== "," && text[end] !== "\n" && text[end] !== '"') end += 1
      if (end === text.length && !ended) return "incomplete"
      if (text[end] === '"') return broken("a quote stands inside a field that is not quoted")
      fields.push(text.slice(at, text[end] === "\n" || end === text.length ? contentEnd(text, at, end) : end))
    }
    if (text.startsWith("\r\n", end)) return done(fields, end + 2)
    if (text[end] === "\n") return done(fields, end + 1)
    if (end === text.length) return done(fields, end)
    if (text[end] !== ",") {
      return text[end] === "\r" && end + 1 === text.length
        ? done(fields, text.length)
        : broken(
            end > lineEnd
              ? "a quote is opened and not closed before the next one"
              : "a closed quote is followed by neither a comma nor the end of the line"
          )
    }
    at = end + 1
  }
}

/** The quote that closes a field: the first from here on that is not doubled. */
const closingQuote = (text: string, from: number): number => {
  let at = text.indexOf('"', from)
  while (at !== -1 && text[at + 1] === '"') at = text.indexOf('"', at + 2)
  return at
}

/** Where the content of a line ends: before its LF or CRLF. */
const contentEnd = (text: string, start: number, lineEnd: number): number => {
  const end = text[lineEnd - 1] === "\n" ? lineEnd - 1 : lineEnd
  return end > start && text[end - 1] === "\r" ? end - 1 : end
}

const lineEndsIn = (text: string, start: number, end: number): number => {
  let count = 0
  for (let at = text.indexOf("\n", start); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) count += 1
  return count
}
