// The table of a projection's version: its name, its columns, and how SQL names them.
import { createHash } from "node:crypto"
import type { IndexKind, Table } from "evolvent/ReadModelStore"
import { identifier } from "./Database.ts"

/** The column of an indexed field. */
export interface Column {
  readonly field: string
  readonly kind: IndexKind
  readonly column: string
}

/** A table as it stands in the catalogue. */
export interface Layout {
  readonly name: string
  readonly columns: ReadonlyArray<Column>
}

/** A table's name in SQL. */
export const tableOf = (schema: string, { name }: Layout): string => `${schema}.${identifier(name)}`

/** What reads ask for: key, position, row as JSON text, and the column of each index. */
export const rowColumns = ({ columns }: Layout): string =>
  ["key", "position", "row::text", ...columns.map(({ column }) => identifier(column))].join(", ")

// PostgreSQL cuts names off after 63 bytes, without a word.
const maxName = 63

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12)

/**
 * Names for a table, the first that is free to be taken: `balances_v1`, then one that no other projection asks for.
 *
 * The suffix keeps them apart from the library's own tables, none of which ends so; people type the rest.
 */
export const namesOf = ({ name, version }: Table): ReadonlyArray<string> => {
  const suffix = `_v${version}`
  const plain = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "")
  const readable = /^[a-z]/.test(plain) ? plain : `p_${plain}`
  const unique = `_${digest(name)}${suffix}`
  const short = `${readable.slice(0, maxName - unique.length).replace(/_+$/, "")}${unique}`
  return readable.length + suffix.length <= maxName ? [`${readable}${suffix}`, short] : [short]
}

// Those that every row has, and those that PostgreSQL gives to every table.
const reserved: ReadonlySet<string> = new Set("key position row ctid tableoid oid xmin xmax cmin cmax".split(" "))

/** Columns for indexed fields: named as the field where that can be, else as it with something behind. */
export const columnsOf = (indexes: Table["indexes"]): ReadonlyArray<Column> => {
  const fits = (field: string) => field !== "" && !reserved.has(field) && Buffer.byteLength(field) <= maxName
  const taken = new Set(indexes.map(({ field }) => field).filter(fits))
  return indexes.map(({ field, kind }) => {
    if (fits(field)) return { field, kind, column: field }
    const names = [`${field}_`, `${cut(field, maxName - 13)}_${digest(field)}`]
    const column = names.find((name) => fits(name) && !taken.has(name)) ?? `field_${digest(field)}`
    taken.add(column)
    return { field, kind, column }
  })
}

/** As much of a text as has room in some bytes. */
const cut = (text: string, bytes: number): string => {
  let result = ""
  for (const character of text.slice(0, bytes)) {
    if (Buffer.byteLength(result + character) > bytes) break
    result += character
  }
  return result
}

/** How a stored table differs from a definition, or undefined when it does not. */
export const difference = (layout: Layout, { indexes }: Table): string | undefined => {
  const same =
    layout.columns.length === indexes.length &&
    indexes.every(({ field, kind }) => layout.columns.some((stored) => stored.field === field && stored.kind === kind))
  return same
    ? undefined
    : `it was first written with ${show(layout.columns)}, and is now defined with ${show(indexes)}`
}

const show = (indexes: Table["indexes"]): string =>
  indexes.length === 0
    ? "no indexes"
    : `the indexes ${indexes.map(({ field, kind }) => `${JSON.stringify(field)} (${kind})`).join(", ")}`
