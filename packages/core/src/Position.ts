// Position: the place of an event in the whole store, ordered, with gaps.
import type { Brand } from "effect/Brand"
import * as Order from "effect/Order"

/**
 * The place of an event in the store: opaque, ordered, a safe integer, with gaps.
 *
 * Compare positions, store them, hand them to `subscribe` or `waitFor`; never count with them. `beginning` lies before
 * every event.
 *
 * ```ts
 * import * as Position from "evolvent/Position"
 *
 * Position.max(Position.beginning, Position.make(7)) // => 7
 * ```
 */
export type Position = number & Brand<"evolvent/Position">

/** The position before every event: a consumer that starts here sees all of them. */
export const beginning: Position = 0 as Position

/** The position of a number that a store gave out. Throws a RangeError for anything but a whole number from 0. */
export const make = (value: number): Position => {
  if (!isPosition(value)) {
    throw new RangeError(`A position is a whole number from 0 to 2^53-1, but ${value} was given.`)
  }
  return value
}

/** Whether a number can be a position. */
export const isPosition = (value: number): value is Position => Number.isSafeInteger(value) && value >= 0

/** The order of the store. */
export const order: Order.Order<Position> = Order.Number

/** The later of two positions. */
export const max = (self: Position, that: Position): Position => (self > that ? self : that)
