// known: the processors that a store has checkpoints of, with what an application says of them.
import * as Effect from "effect/Effect"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import * as application from "./application.ts"
import type { Reader } from "./application.ts"
import { failed, misused } from "./failure.ts"

/** A processor: its kind, and how it can be called. */
export interface Known extends Reader {
  readonly kind: string
}

// Checkpoints of rebuilds, inboxes and groups of the bus are no processors over the log.
const slot = /^((projection|reactor|handler|manager|relay)\/.+)\/\d+$/s

const nameOf = (checkpoint: string): string => checkpoint.slice(checkpoint.indexOf("/") + 1)

const kindOf = (checkpoint: string): string => checkpoint.slice(0, checkpoint.indexOf("/"))

/**
 * All of them, by kind and name. Without its application nobody knows what a processor reads: then it is taken to read
 * everything.
 */
export const all = Effect.fnUntraced(function* (app: string | undefined) {
  const readers = app === undefined ? [] : (yield* application.load(app)).readers
  const names = yield* CheckpointStore.use((store) => store.names)
  const checkpoints = new Set(names.flatMap((name) => slot.exec(name)?.[1] ?? []))
  for (const { checkpoint } of readers) checkpoints.add(checkpoint)
  const filters = new Map(readers.map(({ checkpoint, filter }) => [checkpoint, filter]))
  return [...checkpoints].toSorted().map((checkpoint): Known => ({
    kind: kindOf(checkpoint),
    name: nameOf(checkpoint),
    checkpoint,
    filter: filters.get(checkpoint) ?? EventFilter.all()
  }))
})

/** Whether a processor can be called by a name: `reactor/welcome`, `welcome`, `balances@2`, `balances`. */
const isCalled =
  (asked: string) =>
  ({ checkpoint, name }: Known): boolean =>
    checkpoint === asked || name === asked || name.replace(/@\d+$/, "") === asked

/** The processor of a name. */
export const one = Effect.fnUntraced(function* (asked: string) {
  const known = yield* all(undefined)
  const found = known.filter(isCalled(asked))
  const [first] = found
  if (first === undefined) {
    const names = known.map(({ checkpoint }) => checkpoint).join(", ")
    return yield* failed(
      `No processor "${asked}" has ever run on this store; ${names === "" ? "none has" : `there are ${names}`}.`
    )
  }
  const exact = found.find(({ checkpoint, name }) => checkpoint === asked || name === asked)
  if (exact !== undefined && found.filter(({ name }) => name === asked).length <= 1) return exact
  if (found.length === 1) return first
  return yield* misused(`"${asked}" may be each of ${found.map(({ checkpoint }) => checkpoint).join(", ")}: say which.`)
})
