// Contract: what was ever stored can still be read, and means what it meant. Golden files of every version say so.
import type * as Effect from "effect/Effect"
import type { Aggregate } from "evolvent/Aggregate"
import type { ContractBroken } from "./ContractBroken.ts"
import { check } from "./internal/contract.ts"

/** Where the golden files of one aggregate are: a folder of the repository, by functions that the runtime has. */
export interface Folder {
  /** The names of its files; none where it does not exist. */
  readonly list: () => ReadonlyArray<string>
  readonly read: (file: string) => string
  readonly write: (file: string, text: string) => void
}

/** How a contract is checked. */
export interface ContractOptions {
  readonly folder: Folder
  /**
   * Writes what is new: files of versions that have none, and states after `stateVersion` or the state's shape has changed. It
   * never makes a broken contract hold.
   */
  readonly update?: boolean
}

/** What was checked, and what was written. */
export interface ContractReport {
  readonly kept: ReadonlyArray<string>
  readonly written: ReadonlyArray<string>
}

/**
 * Checks an aggregate against golden files of every version of its events, which are part of the repository.
 *
 * A file holds the JSON Schema of one version, generated samples of it, and the states that these fold to. It fails when a
 * stored version would no longer decode, when a version was edited instead of added, when a history has a hole, and when a
 * fold has changed without a new `stateVersion`; the message says what to do. Nothing is written unless `update` says so.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import { contract } from "@evolvent/testing"
 *
 * // In a test: files of a folder, by node:fs.
 * const files = new Map<string, string>()
 * const folder = {
 *   list: () => [...files.keys()],
 *   read: (file: string) => files.get(file) ?? "",
 *   write: (file: string, text: string) => void files.set(file, text)
 * }
 *
 * const protocol = {
 *   command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
 *   state: Schema.Int,
 *   initial: 0
 * }
 * const event = Schema.TaggedUnion({ Added: { by: Schema.Int } })
 * const Counter = Aggregate.make("Counter", { ...protocol, event })({
 *   decide: { Add: ({ by }) => [{ _tag: "Added", by }] },
 *   evolve: { Added: (total, { by }) => total + by }
 * })
 * Effect.runSync(contract(Counter, { folder, update: true })) // => { kept: [], written: ["Added.1.json"] }
 *
 * const edited = Schema.TaggedUnion({ Added: { amount: Schema.Int } })
 * const Edited = Aggregate.make("Counter", { ...protocol, event: edited })({
 *   decide: { Add: ({ by }) => [{ _tag: "Added", amount: by }] },
 *   evolve: { Added: (total, { amount }) => total + amount }
 * })
 * const { problems } = Effect.runSync(Effect.flip(contract(Edited, { folder })))
 * problems[0]?.slice(0, 46) // => 'Added.1.json: version 1 of "Added" was edited,'
 * ```
 */
export const contract = <Name extends string, Id, Command, Event extends { readonly _tag: string }, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  options: ContractOptions
): Effect.Effect<ContractReport, ContractBroken> => check(aggregate, options)
