// The CSV parser: RFC 4180, in chunks of any size, and what it makes of broken records.
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { it } from "@effect/vitest"
import { describe, expect } from "vitest"
import * as Csv from "./csv.ts"

/** Parses text that comes in chunks of a size. */
const parse = (text: string, size = text.length): ReadonlyArray<Csv.CsvRecord> => {
  const parser = Csv.make()
  const pages: Array<ReadonlyArray<Csv.CsvRecord>> = []
  for (let at = 0; at < text.length; at += size) pages.push(parser.push(text.slice(at, at + size)))
  return [...pages, parser.end()].flat()
}

const fields = (records: ReadonlyArray<Csv.CsvRecord>) =>
  records.map((record) => (record._tag === "Fields" ? record.fields : record.problem))
const lines = (records: ReadonlyArray<Csv.CsvRecord>) => records.map((record) => record.line)

describe("csv", () => {
  it("splits at commas; line ends are LF or CRLF; the last one may be missing", () => {
    for (const text of ["a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\n1,2", "a,b\r\n1,2", "\uFEFFa,b\n1,2", "a,b\n\n1,2\n\n"]) {
      expect(fields(parse(text))).toEqual([
        ["a", "b"],
        ["1", "2"]
      ])
    }
  })

  it("finds nothing in an empty file", () => {
    for (const text of ["", "\n", "\r\n\r\n", "\uFEFF"]) expect(parse(text)).toEqual([])
  })

  it("keeps empty fields and spaces", () => {
    expect(fields(parse('a,b,c\n,,\n x ,"",\n'))).toEqual([
      ["a", "b", "c"],
      ["", "", ""],
      [" x ", "", ""]
    ])
  })

  it("takes anything in quotes: commas, doubled quotes, line ends", () => {
    const records = parse('a,b\n"x, y","7"" SINGLE"\n"two\nlines",2\r\n"two\r\nlines","""\n3,"4"')
    expect(fields(records)).toEqual([
      ["a", "b"],
      ["x, y", '7" SINGLE'],
      ["two\nlines", "2"],
      "a quote is opened and not closed before the next one",
      "a quote stands inside a field that is not quoted",
      ["3", "4"]
    ])
    expect(lines(records)).toEqual([1, 2, 3, 5, 6, 7])
  })

  it("a broken record costs its first line only", () => {
    const broken = [
      ["1", "it has 1 column, not 2"],
      ["1,2,3", "it has 3 columns, not 2"],
      ['x"y,2', "a quote stands inside a field that is not quoted"],
      ['"x"y,2', "a closed quote is followed by neither a comma nor the end of the line"],
      ['"x,2', "a quote is opened and not closed before the next one"],
      ['"one\ncolumn"', "it has 1 column, not 2"]
    ] as const
    for (const [line, problem] of broken) {
      const records = parse(`a,b\n${line}\n"x, y",2\n`)
      const rest = line.includes("\n") ? ["a quote stands inside a field that is not quoted"] : []
      expect(fields(records)).toEqual([["a", "b"], problem, ...rest, ["x, y", "2"]])
      expect(lines(records).slice(0, 2)).toEqual([1, 2])
    }
    expect(fields(parse('a,b\n"x,2\n3,4\n'))).toEqual([["a", "b"], "a quote is opened and never closed", ["3", "4"]])
  })

  it("gives up on an open quote after a million characters, and goes on with the next line", () => {
    const rows = Array.from({ length: 300_000 }, (_, i) => `${i},x`)
    const records = parse(`a,b\n"x,2\n${rows.join("\n")}\n`, 65_536)
    expect(records[1]).toMatchObject({ _tag: "Broken", line: 2 })
    expect(records.length).toBe(rows.length + 2)
    expect(records.at(-1)).toMatchObject({ fields: ["299999", "x"], line: rows.length + 2 })
  })

  const Field = Arbitrary.schema(Schema.Literals(["", "a", "b c", ",", '"', "\n", "\r\n", '""', "ä€😀", "1.5"]))
  const Table = Arbitrary.array(Arbitrary.all([Field, Field, Field]), { minLength: 1, maxLength: 8 })
  const quoted = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

  it.prop("gives back what was written, in chunks of any size", { table: Table }, ({ table }) => {
    for (const end of ["\n", "\r\n"]) {
      const text = table.map((row) => row.map(quoted).join(",") + end).join("")
      for (const size of [1, 2, 3, 7, text.length]) expect(fields(parse(text, size))).toEqual(table)
    }
  })

  const Noise = Arbitrary.array(Field, { maxLength: 40 })
  it.prop(
    "says the same of any text in chunks of any size, and accounts for all of it",
    { noise: Noise },
    ({ noise }) => {
      const text = `a,b\n${noise.join("")}`
      const whole = parse(text)
      for (const size of [1, 2, 5]) expect(parse(text, size)).toEqual(whole)
    }
  )
})
