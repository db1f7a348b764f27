// groupMember: one append among those that are gathered, with what has become of it so far.
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { SqlError } from "effect/sql/SqlError"
import type { EncodedAppend, Outcome } from "evolvent/EventStore"
import { charactersOf } from "./appendLimits.ts"
import type { Waiting } from "./appendQueue.ts"

/** An append on its way through groups and attempts. */
export interface Member extends Waiting {
  readonly done: (exit: Exit.Exit<Outcome, SqlError>) => void
  /** The shortest way in was unsure of it: it takes the longer one. */
  unsure: boolean
  attempts: number
  /** When its first attempt failed, and how often it found an id held. */
  failedAt: number | undefined
  locked: number
  /** An attempt that failed here may have been stored there. */
  doubtful: boolean
  /** The fiber that carries it alone; it ends when the caller is interrupted. */
  fiber: Fiber.Fiber<unknown> | undefined
}

/** One event at a known revision, or as the first of its stream: what the shortest ways in are for. */
export const isPlain = ({ append: { events, expected }, solo, unsure }: Member): boolean =>
  !solo && !unsure && events.length === 1 && (typeof expected === "number" || expected === "noStream")

/** An append that nobody has tried yet; `done` takes its outcome. */
export const make = (append: EncodedAppend, done: Member["done"]): Member => ({
  append,
  characters: charactersOf(append),
  done,
  solo: false,
  unsure: false,
  attempts: 0,
  failedAt: undefined,
  locked: 0,
  doubtful: false,
  fiber: undefined,
  isGone: false
})
