// A transaction in memory: writes that wait in a list until the checkpoint that they belong to moves.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { CheckpointMoved, LeaseLost } from "../../CheckpointStoreError.ts"

/**
 * The writes of a transaction, in their order. Reads do not see them before it commits; what a fiber writes that
 * outlives the transaction is written at once, unless its lease was lost meanwhile.
 */
export interface Transaction {
  readonly writes: Array<() => void>
  /** Why it cannot commit any more: its lease was lost, or its checkpoint moved. */
  readonly refused: () => LeaseLost | CheckpointMoved | undefined
  /** Whether its lease was lost since, also when it is over: then what comes late is refused, as a server does it. */
  readonly lost: () => LeaseLost | undefined
  open: boolean
}

/** The running transaction, or undefined outside of one. */
export const Current = Context.Reference<Transaction | undefined>("evolvent/internal/memory/transaction", {
  defaultValue: () => undefined
})

/** Writes at once, or when the running transaction commits. */
export const write = (apply: () => void): Effect.Effect<void> =>
  Effect.flatMap(Current, (transaction) =>
    Effect.sync(() => {
      if (transaction?.open === true) transaction.writes.push(apply)
      else apply()
    })
  )
