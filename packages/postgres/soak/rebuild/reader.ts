// reader: gets and lists the read model all the time, and looks for errors, for nothing, and for a mixture of old and new.
import * as Effect from "effect/Effect"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as ReadModel from "evolvent/ReadModel"
import type { Random } from "../random.ts"
import { counts, marks } from "./domain.ts"

/** What readers saw so far. */
export interface Seen {
  reads: number
  errors: number
  /** Reads that found nothing, where there is something at all times. */
  empty: number
  /** Lists with old and new rows. */
  mixed: number
  /** Reads that began after new rows had been seen, and found old ones. */
  back: number
  /** Reads by the mark that they found. */
  old: number
  new: number
  /** The slowest read in milliseconds. */
  slowest: number
  problem: string
}

/** Nothing seen so far. */
export const nothing = (): Seen => ({
  reads: 0,
  errors: 0,
  empty: 0,
  mixed: 0,
  back: 0,
  old: 0,
  new: 0,
  slowest: 0,
  problem: ""
})

/** Reads for ever. */
export const run = (random: Random, counters: number, seen: Seen): Effect.Effect<never, never, ReadModelStore> => {
  const definition = counts(marks.old)
  let sawNew = Infinity

  const look = (began: number, found: ReadonlyArray<number>): void => {
    seen.reads += 1
    seen.slowest = Math.max(seen.slowest, performance.now() - began)
    const [first] = found
    if (first === undefined) {
      seen.empty += 1
      return
    }
    if (found.some((mark) => mark !== first)) seen.mixed += 1
    if (first === marks.new) {
      seen.new += 1
      sawNew = Math.min(sawNew, performance.now())
    } else {
      seen.old += 1
      if (began > sawNew) seen.back += 1
    }
  }

  const get = Effect.suspend(() =>
    Effect.map(ReadModel.get(definition, String(random.between(0, counters - 1))), (row) =>
      row === undefined ? [] : [row.mark]
    )
  )
  const marksOf = ({ rows }: { readonly rows: ReadonlyArray<{ readonly row: { readonly mark: number } }> }) =>
    rows.map(({ row }) => row.mark)
  const reads = [
    get,
    get,
    Effect.map(ReadModel.list(definition, { limit: 1000 }), marksOf),
    Effect.map(ReadModel.list(definition, { orderBy: "total", direction: "desc", limit: 200 }), marksOf)
  ]
  const turn = Effect.gen(function* () {
    const began = performance.now()
    const found = yield* Effect.result(reads[random.between(0, reads.length - 1)] ?? get)
    if (found._tag === "Success") look(began, found.success)
    else {
      seen.errors += 1
      seen.problem ||= String(found.failure)
    }
    yield* Effect.sleep(random.between(1, 10))
  })
  return Effect.forever(turn)
}
