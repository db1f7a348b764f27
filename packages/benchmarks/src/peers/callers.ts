// The streams that callers append to: the same pattern for every peer.
import { category } from "../ledger.ts"
import type { Seed, Target } from "./protocol.ts"

/** The next append of a caller; `revision` is that of its first event, undefined where any will do. */
export interface Next {
  readonly stream: string
  readonly revision: number | undefined
  /** The number of its first event, from which its content follows. */
  readonly event: number
}

// As long as a stream usually gets: long enough that most appends find a stream, short enough that new ones come.
const appendsToAStream = 20

/** A caller: what it appends next, each time it is asked. */
export type Caller = () => Next

/** So many callers. Made once a process: their streams are new, also to the process that had the database before. */
export const makeCallers = (): ((count: number, batch: number, target: Target) => ReadonlyArray<Caller>) => {
  const run = `${Date.now().toString(36)}x${process.pid}`
  let streams = 0
  let events = 0
  const own = (batch: number): Caller => {
    let stream = ""
    let revision = Number.POSITIVE_INFINITY
    return () => {
      if (revision >= batch * appendsToAStream) {
        stream = `${category}-own${run}x${streams++}`
        revision = 0
      }
      const next = { stream, revision, event: (events += batch) }
      revision += batch
      return next
    }
  }
  const old =
    (batch: number, streams: number): Caller =>
    () => ({
      stream: `${category}-old${Math.floor(Math.random() * streams)}`,
      revision: undefined,
      event: (events += batch)
    })
  return (count, batch, target) =>
    Array.from({ length: count }, () => (target._tag === "Own" ? own(batch) : old(batch, target.streams)))
}

/** An append of a seed: how many events, from the one with a number on. */
export interface SeedAppend extends Next {
  readonly revision: number
  readonly count: number
}

/** The appends that seed a database, in turns: one to each stream, in any order. Their events are those from 0 on. */
export const seedTurns = function* ({ batch, length, prefix, streams }: Seed): Generator<ReadonlyArray<SeedAppend>> {
  for (let revision = 0; revision < length; revision += batch) {
    const count = Math.min(batch, length - revision)
    const first = revision * streams
    yield Array.from({ length: streams }, (_, i) => ({
      stream: `${category}-${prefix}${i}`,
      revision,
      event: first + i * count,
      count
    }))
  }
}
