// When two values of a domain are the same: by their schema, or by value where there is none.
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"

/** Whether two values are the same. */
export type Same<A> = (self: A, that: A) => boolean

/**
 * Sameness by a schema: what the schema does not name does not count, for it is not stored.
 *
 * Values that the schema refuses (an equivalence of a union knows no case for them) are compared by value.
 */
export const bySchema = <A>(schema: Schema.ConstraintCodec<A, unknown>): Same<A> => {
  let equivalence: Same<A> | undefined
  return (self, that) => {
    // Every schema is one of these; the constraint is the part of it that the definitions keep.
    equivalence ??= Schema.toEquivalence(schema as unknown as Schema.Schema<A>)
    return self === that || equivalence(self, that) || byValue(self, that)
  }
}

/** Sameness by value, also of errors, dates, maps and Effect's data types. */
export const byValue: Same<unknown> = (self, that) => Equal.equals(self, that)

/** Sameness of lists. */
export const ofLists =
  <A>(same: Same<A>): Same<ReadonlyArray<A>> =>
  (self, that) =>
    self.length === that.length && self.every((item, i) => same(item, that[i] as A))
