// A transaction on NATS: changes of documents that wait until the checkpoints move, and then happen together with them.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { Documents } from "./documents.ts"
import type { Failure } from "./jetstream.ts"

/** What a document becomes; the value that was given for no change. It may be called several times. */
export type Edit = (value: Json | undefined) => Json | undefined

/**
 * The changes of a transaction by the keys of their documents, in their order. Reads do not see them before it commits;
 * what a fiber changes that outlives the transaction is changed at once.
 */
export interface Transaction {
  readonly documents: Documents
  readonly edits: Map<string, Array<Edit>>
  open: boolean
}

/** The running transaction, or undefined outside of one. */
export const Current = Context.Reference<Transaction | undefined>("@evolvent/nats/internal/transaction", {
  defaultValue: () => undefined
})

export const make = (documents: Documents): Transaction => ({ documents, edits: new Map(), open: true })

/** Changes a document at once, or when the running transaction commits, which must be one of the same bucket. */
export const change = (documents: Documents, key: string, edit: Edit): Effect.Effect<void, Failure> =>
  Effect.flatMap(Current, (transaction) => {
    if (transaction?.open !== true || !isSame(transaction.documents, documents)) {
      return documents.change(new Map([[key, (value: Json | undefined) => Result.succeed(edit(value))]]))
    }
    const edits = transaction.edits.get(key) ?? []
    transaction.edits.set(key, [...edits, edit])
    return Effect.void
  })

const isSame = (one: Documents, other: Documents): boolean => one.client === other.client && one.stream === other.stream
