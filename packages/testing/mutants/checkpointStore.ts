// Broken checkpoint stores, one for each law of a checkpoint store.
import * as Effect from "effect/Effect"
import type { Driver, Move, Stopped } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { driver, leasing, withoutLease } from "./checkpointStoreLease.ts"
import { listOf } from "./Mutant.ts"
import type { Break, Checkpoints, Mutant } from "./Mutant.ts"

const service = (change: (checkpoints: Checkpoints) => Partial<Checkpoints>): Break => ({
  checkpoints: (whole) => ({ ...whole, ...change(whole) })
})

/** A driver that loads another position. */
const loads = (change: (position: number) => number): Break =>
  driver(({ load }) => ({
    load: (names) =>
      Effect.map(load(names), (all) =>
        all.map((found) => ({ ...found, position: Position.make(change(found.position)) }))
      )
  }))

/** Where the checkpoints of some moves stand, in their order. */
const standing = ({ load }: Pick<Driver, "load">, moves: ReadonlyArray<Move>) =>
  Effect.map(load(moves.map(({ name }) => name)), (all) => all.map(({ position }) => position))

const lower = ({ name, ...rest }: Move): Move => ({ ...rest, name: name.toLowerCase() })

const moving: ReadonlyArray<Mutant> = [
  { law: "CheckpointStore 1", breaks: "positions have 32 bits", by: loads((position) => position % 2 ** 32) },
  {
    law: "CheckpointStore 2",
    breaks: "a move from beyond the checkpoint is taken",
    by: driver(({ commit, load }) => ({
      commit: (moves, writes) =>
        Effect.flatMap(standing({ load }, moves), (stand) =>
          commit(
            moves.map((move, i) => ({ ...move, from: Position.make(Math.min(move.from, stand[i] ?? 0)) })),
            writes
          )
        )
    }))
  },
  {
    law: "CheckpointStore 3",
    breaks: "the checkpoint is compared before the write, not under it",
    by: driver(({ commit, load }) => ({
      commit: (moves, writes) =>
        Effect.gen(function* () {
          const before = yield* standing({ load }, moves)
          if (moves.some(({ from }, i) => before[i] !== from)) return yield* commit(moves, writes)
          const value = yield* writes
          yield* Effect.yieldNow
          const now = yield* standing({ load }, moves)
          return yield* commit(
            moves.map((move, i) => ({ ...move, from: now[i] ?? move.from })),
            Effect.succeed(value)
          )
        })
    }))
  },
  {
    law: "CheckpointStore 4",
    breaks: "the writes run twice",
    by: driver(({ commit }) => ({ commit: (moves, writes) => Effect.andThen(writes, commit(moves, writes)) }))
  },
  {
    law: "CheckpointStore 5",
    breaks: "the checkpoint moves though the writes failed",
    by: driver(({ commit }) => ({
      commit: (moves, writes) => Effect.tapError(commit(moves, writes), () => Effect.ignore(commit(moves, Effect.void)))
    }))
  },
  {
    law: "CheckpointStore 6",
    breaks: "names are compared in lower case",
    by: driver(({ commit, load }) => ({
      load: (names) => load(names.map((name) => name.toLowerCase())),
      commit: (moves, writes) => commit(moves.map(lower), writes)
    }))
  },
  {
    law: "CheckpointStore 7",
    breaks: "another's lease moves a checkpoint",
    by: service(({ transact }) => ({
      transact: (moves, writes) =>
        transact(
          listOf(moves).map((move) => (move.lease?.name === move.name ? move : withoutLease(move))),
          writes
        )
    }))
  },
  {
    law: "CheckpointStore 8",
    breaks: "moving the checkpoint leaves the stop beside it",
    by: driver(({ acquire, load, stop }) => {
      const stops = new Map<string, Stopped>()
      return {
        load: (names) =>
          Effect.map(load(names), (all) => all.map((found, i) => ({ ...found, stopped: stops.get(names[i] ?? "") }))),
        stop: (name, stopped, lease) =>
          Effect.tap(stop(name, stopped, lease), () => Effect.sync(() => stops.set(name, stopped))),
        acquire: (names, holder, duration) => {
          for (const name of names) stops.delete(name)
          return acquire(names, holder, duration)
        }
      }
    })
  },
  {
    law: "CheckpointStore 9",
    breaks: "watchers never wake",
    by: service(({ watch }) => ({
      watch: (name, what) => Effect.map(watch(name, what), () => Effect.never)
    }))
  },
  {
    law: "CheckpointStore 21",
    breaks: "what was put off is written down by and by, whoever looks",
    by: service(() => ({ defer: () => Effect.succeed(() => true) }))
  },
  {
    law: "CheckpointStore 21",
    breaks: "who puts something off does not know that it is waited for",
    by: service(({ defer }) => ({ defer: (name, settle) => Effect.as(defer(name, settle), () => false) }))
  },
  {
    law: "CheckpointStore 22",
    breaks: "only what was moved is listed",
    by: driver(({ acquire, names }) => {
      const taken = new Set<string>()
      return {
        acquire: (some, holder, duration) => {
          for (const name of some) taken.add(name)
          return acquire(some, holder, duration)
        },
        names: Effect.map(names, (all) => all.filter((name) => !taken.has(name)))
      }
    })
  },
  {
    law: "CheckpointStore 10",
    breaks: "it says that appends commit with the checkpoint, which they do not",
    by: driver(() => ({ capabilities: { transaction: true } }))
  }
]

export const checkpointStore: ReadonlyArray<Mutant> = [...moving, ...leasing]
