// How the values of an index travel: the type of its column, of its parameter, and to and fro between SQL and JavaScript.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Result from "effect/Result"
import type { IndexKind, IndexValue } from "evolvent/ReadModelStore"

/** The type of the parameter that a value is sent as. A bigint is sent as the text of a number of any length. */
export const sentAs = (kind: IndexKind): "text" | "float8" | "bool" | "int8" =>
  kind === "number" ? "float8" : kind === "boolean" ? "bool" : kind === "instant" ? "int8" : "text"

/** What was sent as SQL, as a value of the column. */
export const asStored = (kind: IndexKind, sent: string): string =>
  kind === "bigint" ? `${sent}::numeric` : kind === "instant" ? instant(sent) : sent

// The client's own encoding of an instant goes through microseconds in a double and loses a millisecond from the year
// 4253 on. Whole hours and the rest are exact to the last instant that JavaScript has.
const instant = (milliseconds: string): string =>
  `(timestamptz 'epoch' + (${milliseconds} / 3600000) * interval '1 hour'` +
  ` + (${milliseconds} % 3600000) * interval '1 millisecond')`

const oids = {
  text: PgTypes.OID.text,
  float8: PgTypes.OID.float8,
  bool: PgTypes.OID.bool,
  int8: PgTypes.OID.int8
} as const

/** An array parameter of a stated type: the client would infer it from the values, and fail where there are none. */
export const array = (values: ReadonlyArray<unknown>, type: keyof typeof oids): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, oids[type]))

/** The values of an index as one parameter. */
export const arrayOf = (kind: IndexKind, values: ReadonlyArray<IndexValue | undefined>): PgTypes.Parameter =>
  array(
    kind === "bigint" ? values.map(String) : kind === "instant" ? values.map((value) => BigInt(Number(value))) : values,
    sentAs(kind)
  )

/** A value as it comes back. */
export const valueOf = (kind: IndexKind, stored: unknown): IndexValue => {
  switch (kind) {
    case "string":
      return String(stored)
    case "number":
      return Number(stored)
    case "boolean":
      return stored === true
    case "bigint":
      return BigInt(String(stored))
    case "instant":
      return stored instanceof Date ? stored.getTime() : NaN
  }
}

/** The earliest instant that PostgreSQL can hold, in 4714 BC; its latest lies behind JavaScript's. */
export const earliest = -210_866_803_200_000

// A greater one has no room in an index; PostgreSQL's numbers end at 131 072 digits, its infinity does not.
const greatest = 10n ** 10_000n

/** A bigint that is compared with, as text: one that no row can have becomes infinite, which compares as well. */
export const bigintText = (value: bigint): string =>
  value > greatest ? "Infinity" : value < -greatest ? "-Infinity" : value.toString()
