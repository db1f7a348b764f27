// Given/expect of projections: folds recorded events and compares rows.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Result from "effect/Result"
import * as Projection from "evolvent/Projection"
import { recorded } from "../Events.ts"
import type { StreamEvents } from "../Events.ts"
import { fail } from "../ExpectationFailed.ts"
import type { GivenRows } from "../Given.ts"
import { bySchema } from "./equality.ts"
import { givenStreamsSource } from "./scenario.ts"
import { toSource } from "./source.ts"
import { describe } from "./text.ts"
import { both } from "./wording.ts"

/** A projection with a past. */
export const givenProjection = <Row>(
  projection: Projection.Projection<string, Row, string>,
  past: StreamEvents | ReadonlyArray<StreamEvents>
): GivenRows<Row> => {
  const sameRow = bySchema(projection.row)
  const batches = "aggregate" in past ? [past] : past
  const stored = recorded(batches)
  const decoded = batches.flatMap(({ events }) => events)
  const scenario = givenStreamsSource(
    projection.name,
    stored.map((event, i) => ({ ...event, data: decoded[i] }))
  )

  const rowsOf = (method: (...args: never) => unknown): ReadonlyMap<string, Row> => {
    const exit = Effect.runSyncExit(Projection.fold(projection, stored))
    if (Exit.isFailure(exit)) {
      const cause = Cause.squash(exit.cause)
      return fail(method, { scenario, problem: `The fold of "${projection.name}" ended: ${describe(cause)}`, cause })
    }
    for (const [key, row] of exit.value) {
      const encoded = projection.codec.encode(row)
      if (Result.isSuccess(encoded)) continue
      const problem = `The row ${toSource(row)} of ${toSource(key)} cannot be stored: its schema refuses it: ${encoded.failure}`
      fail(method, { scenario, problem })
    }
    return exit.value
  }

  const self: GivenRows<Row> = {
    expectRow: (key, expected) => {
      const rows = rowsOf(self.expectRow)
      const found = rows.get(key)
      if (found === undefined) {
        const problem = `Expected a row at ${toSource(key)}, found none. ${keysOf(rows)}`
        return fail(self.expectRow, { scenario, problem })
      }
      if (!sameRow(expected, found)) {
        const problem = `The row at ${toSource(key)} is not the expected one.`
        return fail(self.expectRow, { scenario, problem, ...both(expected, found) })
      }
      return self
    },
    expectNoRow: (key) => {
      const found = rowsOf(self.expectNoRow).get(key)
      if (found !== undefined) {
        const problem = `Expected no row at ${toSource(key)}, found ${toSource(found)}`
        return fail(self.expectNoRow, { scenario, problem })
      }
      return self
    },
    expectRows: (expected) => {
      const rows = rowsOf(self.expectRows)
      const keys = Object.keys(expected)
      const same = keys.length === rows.size && keys.every((key) => isRow(rows.get(key), expected[key] as Row))
      if (!same) {
        const problem = `"${projection.name}" has other rows than expected.`
        return fail(self.expectRows, {
          scenario,
          problem,
          ...both(sorted(Object.entries(expected)), sorted([...rows]))
        })
      }
      return self
    }
  }
  const isRow = (found: Row | undefined, expected: Row): boolean => found !== undefined && sameRow(expected, found)
  return self
}

const keysOf = (rows: ReadonlyMap<string, unknown>): string =>
  rows.size === 0
    ? "There are no rows."
    : `There are rows at ${[...rows.keys()]
        .sort()
        .map((key) => toSource(key))
        .join(", ")}.`

const sorted = <Row>(entries: ReadonlyArray<readonly [string, Row]>): Readonly<Record<string, Row>> =>
  Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
