// Revision: the place of an event in its own stream, 0, 1, 2… with no hole.
import type { Brand } from "effect/Brand"

/**
 * The place of an event in its stream: the first event has revision 0, the next one 1, with no hole.
 *
 * A stream without events has no revision (`undefined`). It is the number that optimistic concurrency compares; it is
 * neither the place in the store (`Position`) nor the version of an event's schema (`schemaVersion`).
 *
 * ```ts
 * import * as Revision from "evolvent/Revision"
 *
 * Revision.next(undefined) // => 0
 * Revision.next(Revision.make(4)) // => 5
 * ```
 */
export type Revision = number & Brand<"evolvent/Revision">

/** The revision of a whole number from 0. Throws a RangeError for anything else. */
export const make = (value: number): Revision => {
  if (!isRevision(value)) {
    throw new RangeError(`A revision is a whole number from 0 to 2^53-1, but ${value} was given.`)
  }
  return value
}

/** Whether a number can be a revision. */
export const isRevision = (value: number): value is Revision => Number.isSafeInteger(value) && value >= 0

/** The revision that the next event of a stream gets. */
export const next = (last: Revision | undefined): Revision => (last === undefined ? 0 : last + 1) as Revision
