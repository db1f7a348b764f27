// appendLimits: how far the gathering of appends goes.
import type { EncodedAppend } from "evolvent/EventStore"

/** How far gathering goes. */
export interface Limits {
  /** Groups under way at the same time. */
  readonly lanes: number
  /** A further group begins when one could not hold all that waited, or is under way for so many milliseconds. */
  readonly crowd: number
  /** Appends of a group, and their events and characters. */
  readonly members: number
  readonly events: number
  readonly characters: number
  /** Appends that may wait for their stream on connections of their own. */
  readonly waiters: number
  /** Appends that may be without an outcome at a time; one more is refused. */
  readonly capacity: number
  /** How often an append is tried again after a failure that may pass, and for how many milliseconds. */
  readonly attempts: number
  readonly patience: number
}

/** One large group costs less than two small ones; a second lane is for what is too much for one, or waits for too long. */
export const defaultLimits: Limits = {
  lanes: 2,
  crowd: 3,
  members: 64,
  events: 512,
  characters: 4_000_000,
  waiters: 3,
  capacity: 10_000,
  attempts: 6,
  patience: 5_000
}

/** The characters of an append, as the limits count them. */
export const charactersOf = ({ events }: EncodedAppend): number => {
  let total = 0
  for (const { data, metadata } of events) total += data.length + metadata.length
  return total
}
