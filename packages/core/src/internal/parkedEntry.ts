// parkedEntry: an event that is set aside for a key, as it is stored.
import type { EventId } from "../EventId.ts"
import type { Position } from "../Position.ts"
import type { Step } from "../Processor.ts"
import type { Revision } from "../Revision.ts"
import type { StreamName } from "../StreamName.ts"
import type { Timer } from "./processorTimers.ts"

/** An event that is set aside for one of its keys. */
export interface Entry {
  readonly key: string
  readonly eventId: EventId
  readonly stream: StreamName
  readonly revision: Revision
  readonly position: Position
  readonly problem: string
  /** How often it was tried; 0 where it only came behind another one of its key. */
  readonly attempts: number
  /** Whether its keys were not known, since it could not be decoded: it was parked under its stream's id. */
  readonly isUnprepared?: boolean
  /** What was due and failed, where it was not the event itself. */
  readonly timer?: Timer
}

// Whatever a handler fails with, its words must fit into an event.
const longestProblem = 2000

/** The words of a problem, as they are stored. */
export const inWords = (problem: string): string => problem.slice(0, longestProblem).toWellFormed()

/** A step that is set aside. */
export const entryOf = (
  { events, key, problem: problemOfStep, recorded }: Step,
  problem: string,
  attempts: number,
  timer?: Timer
): Entry => ({
  key,
  eventId: recorded.id,
  stream: recorded.stream,
  revision: recorded.revision,
  position: recorded.position,
  problem: inWords(problem),
  attempts,
  ...(timer === undefined
    ? events.length === 0 && problemOfStep !== undefined
      ? { isUnprepared: true }
      : {}
    : { timer })
})
