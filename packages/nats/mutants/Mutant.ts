// Mutant: the backend with a few words of its source replaced, and the law that must notice.
import type { Edit } from "@evolvent/testing/mutants"

/** A broken backend. */
export interface Mutant {
  /** The law that must notice, by the beginning of its name: "Append 1", "EventStore 7.1". */
  readonly law: string
  /** What is broken, in words. */
  readonly breaks: string
  readonly by: ReadonlyArray<Edit>
  /** Where older servers do not behave in the way that it breaks: they have no batches, and know ids before expectations. */
  readonly from?: "2.12"
}
