// readModelTables: under which prefix of the bucket the rows of a table stand; a swap exchanges two of these and moves no row.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { Table } from "evolvent/ReadModelStore"
import { createHash } from "node:crypto"
import type { Documents } from "./documents.ts"
import type { Failure } from "./jetstream.ts"
import * as Transaction from "./transaction.ts"

// With a dot, as no checkpoint has it.
const key = "rows.tables"

/** The most characters that the prefix of a table has. */
export const longestPlace = 100

/** Where tables stand: as they were at one moment, for as long as nobody says otherwise. */
export interface Places {
  /** The prefix of a table, or undefined where it can have no row: its own is another's now, and it has got none since. */
  readonly of: (table: Table) => string | undefined
}

type Entries = Readonly<Record<string, string>>

const idOf = ({ name, version }: Table): string => `${version}@${name}`

/** The prefix that a table has from the beginning: for people its name, for machines a hash of it. */
const ownPlace = (table: Table): string => {
  const shown = table.name.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, 32)
  const hash = createHash("sha256").update(idOf(table)).digest("hex").slice(0, 32)
  return `${shown}_${table.version}_${hash}`
}

const newPlace = (table: Table): string => `${ownPlace(table)}_${crypto.randomUUID().slice(0, 8)}`

const entriesOf = (value: Json | undefined): Entries => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {}
  const entries = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string")
  return Object.fromEntries(entries)
}

/** The tables of a store; which of them stand elsewhere than at their own place is one document. */
export const make = (documents: Documents) => {
  const ownPlaces = new Map<string, string>()
  const own = (table: Table): string => {
    const id = idOf(table)
    const found = ownPlaces.get(id) ?? ownPlace(table)
    if (ownPlaces.size >= 1000) ownPlaces.clear()
    ownPlaces.set(id, found)
    return found
  }

  const placeIn = (entries: Entries, table: Table): string | undefined => {
    const elsewhere = entries[idOf(table)]
    if (elsewhere !== undefined) return elsewhere
    const place = own(table)
    return Object.values(entries).includes(place) ? undefined : place
  }

  /** The entries with a table at a place; at its own it needs none. */
  const put = (entries: Entries, table: Table, place: string | undefined): Entries => {
    const { [idOf(table)]: _, ...others } = entries
    return place === undefined || place === own(table) ? others : { ...others, [idOf(table)]: place }
  }

  const change = (edit: (entries: Entries) => Entries): Effect.Effect<void, Failure> =>
    Transaction.change(documents, key, (value) => {
      const before = entriesOf(value)
      const after = edit(before)
      return after === before ? value : after
    })

  let seen: Places = { of: own }
  const read: Effect.Effect<Places, Failure> = Effect.map(documents.read(key), ({ value }) => {
    const entries = entriesOf(value)
    seen = { of: (table) => placeIn(entries, table) }
    return seen
  })

  return {
    /** As they were when they were read last: worth a try, if they are read again before anything comes of it. */
    seen: (): Places => seen,
    /** As they are now. */
    read,
    /** The place of a table that is to be written to; where it has none it gets one. */
    claim: Effect.fnUntraced(function* (table: Table): Effect.fn.Return<string, Failure> {
      while (true) {
        const place = (yield* read).of(table)
        if (place !== undefined) return place
        const made = newPlace(table)
        // Outside of any transaction: rows that cannot wait stand there.
        yield* Effect.provideService(
          change((entries) => (placeIn(entries, table) === undefined ? put(entries, table, made) : entries)),
          Transaction.Current,
          undefined
        )
      }
    }),
    /** Exchanges the places of two tables, together with the running transaction. */
    swap: (one: Table, other: Table): Effect.Effect<void, Failure> => {
      if (idOf(one) === idOf(other)) return Effect.void
      const [first, second] = [newPlace(one), newPlace(other)]
      return change((entries) => {
        const [here, there] = [placeIn(entries, one) ?? first, placeIn(entries, other) ?? second]
        return put(put(entries, one, there), other, here)
      })
    },
    /** Forgets where a table stood whose rows are gone, unless it stands elsewhere by now. */
    forget: (table: Table, place: string): Effect.Effect<void, Failure> =>
      Effect.provideService(
        change((entries) => (entries[idOf(table)] === place ? put(entries, table, undefined) : entries)),
        Transaction.Current,
        undefined
      )
  }
}

export type Tables = ReturnType<typeof make>
