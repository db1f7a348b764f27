// runOptions: how a processor is run, and what becomes of what it cannot handle.
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"

/** What becomes of an event that cannot be handled: the processor stops, or sets it aside with all that follows of its key. */
export type OnFailure = "stop" | "park"

/** What becomes of an event that cannot be decoded: as of one that cannot be handled, or it is passed over and logged. */
export type OnUndecodable = OnFailure | "skip"

/** How a processor is run. */
export interface RunOptions<E> {
  /**
   * Into how many parts the keys are divided, each with a runner of its own; 1 unless given, 16 at most. The parts are
   * spread over all processes that run the processor; where these differ, the one that came last has its way.
   */
  readonly partitions?: number
  /** When to handle a failed event again, before it counts as failed; a few times within seconds unless given. */
  readonly retry?: Schedule.Schedule<unknown, E>
  /** What then becomes of it: "stop" unless given. A function is asked about the handler's own errors only. */
  readonly onFailure?: OnFailure | ((failure: E) => OnFailure)
  /**
   * What becomes of a stored event that no schema or upcaster here understands: as of a failed one unless given, and "stop"
   * where `onFailure` is a function. One that only *newer* code understands stops the processor whatever is said here: it
   * goes on from there where that code runs.
   */
  readonly onUndecodable?: OnUndecodable
  /** How long a runner that fell silent keeps others waiting; 10 seconds unless given, 10 milliseconds at least. */
  readonly lease?: Duration.Input
}
