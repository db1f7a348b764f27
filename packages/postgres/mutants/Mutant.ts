// Mutant: the backend with a few words of its source replaced, and the law that must notice.
import type { Edit } from "@evolvent/testing/mutants"

export type { Edit }

/** A broken backend. */
export interface Mutant {
  /** The law that must notice, by the beginning of its name: "Order 1", "EventStore 7.1". */
  readonly law: string
  /** What is broken, in words. */
  readonly breaks: string
  readonly by: ReadonlyArray<Edit>
}
