// world: what belongs to one seed; its time, its chances, its stores, its faults and the laws it broke.
import type { Consumer } from "./consumer.ts"
import type { Ledger } from "./domain.ts"
import type { Faults } from "./faults.ts"
import type { Machine } from "./machine.ts"
import type { Outbox } from "./outbox.ts"
import type { Random } from "../src/internal/random.ts"
import type { Shared } from "./stores.ts"
import type { Trace } from "./trace.ts"

/** One seed's world. */
export interface World {
  readonly seed: number
  readonly random: Random
  readonly faults: Faults
  readonly trace: Trace
  /** The stores that all machines share, whole or broken on purpose. */
  readonly shared: Shared
  /** What is stored, as it is: what laws look at. */
  readonly truth: Shared
  readonly ledger: Ledger
  /** What the machines have to do; kept outside of them, as on a disk. */
  readonly outbox: Outbox
  /** The reactor's and the bus group's handlers. */
  readonly witness: Consumer
  readonly listener: Consumer
  readonly consumers: ReadonlyArray<Consumer>
  /** Those that are running now. */
  readonly machines: Map<number, Machine>
  /** Who took the lease of a name last. */
  readonly owners: Map<string, Machine>
  /** Where events stand, and messages of the bus, by their ids: as far as a machine has read them. */
  readonly positions: Map<string, number>
  /** Whether poison is poison no more. */
  isMended: boolean
  readonly now: () => number
  /** Takes note of a law that was broken. */
  readonly broken: (what: string) => void
}
