// consumer: every run of a handler in a world, and the laws of how often, in which order and by whom handlers may run.
import * as Effect from "effect/Effect"
import type { Lease, Move } from "evolvent/CheckpointStore"
import * as Processor from "evolvent/Processor"
import { awake, inside, isTroubled } from "./machine.ts"
import type { Machine } from "./machine.ts"
import type { World } from "./world.ts"

/** What a handler is given: the `order`th of its key, from 0. */
export interface Item {
  readonly id: string
  readonly key: string
  readonly order: number
}

/** One run of a handler. */
export interface Run {
  /** Its checkpoint has moved past it: it must never run again. */
  readonly committed: () => void
  /** It may run again. */
  readonly excuse: (why: string) => void
}

interface Kept extends Run {
  readonly item: Item
  readonly machine: Machine
  readonly slot: string
  outcome: "running" | "ok" | "failed" | "cut"
  isCommitted: boolean
  excused: string | undefined
}

/** A handler failed, as handlers do. */
export class HandlerFailed extends Error {
  readonly _tag = "HandlerFailed"
}

/** Handlers under one checkpoint, on all machines. */
export interface Consumer {
  readonly checkpoint: string
  readonly handle: (machine: Machine, item: Item, isPoison: boolean) => Effect.Effect<void, HandlerFailed>
  /** The runs that a commit brings to an end. */
  readonly committing: (machine: Machine, moves: ReadonlyArray<Move>) => ReadonlyArray<Run>
  /** What was handled under former leases of some slots and not committed is not committed with what comes under new ones. */
  readonly taking: (machine: Machine, leases: ReadonlyArray<Lease>) => void
  readonly releasing: (machine: Machine, leases: ReadonlyArray<Lease>) => void
  readonly died: (machine: Machine) => void
  /** What of some items was never handled to its end. */
  readonly missing: (items: ReadonlyArray<Item>) => ReadonlyArray<Item>
  /** How many runs there were, and how many of them came again. */
  readonly count: () => { readonly runs: number; readonly repeats: number }
}

/** The handlers under a checkpoint. */
export const make = (world: World, checkpoint: string): Consumer => {
  const byId = new Map<string, Array<Kept>>()
  const byKey = new Map<string, Set<number>>()
  const open = new Set<Kept>()
  let repeats = 0
  const describe = ({ id, key, order }: Item): string => `${checkpoint}: event ${order} of ${key} (${id.slice(-8)})`

  const begin = (machine: Machine, item: Item): Kept => {
    const slot = `${checkpoint}/${Processor.slotOf(item.key)}`
    const before = byId.get(item.id) ?? []
    const last = before.at(-1)
    const done = byKey.get(item.key)
    // One that was held up does not know yet that its lease is another's: what it does then is the outside world's to bear.
    const isLate = world.owners.get(slot) !== machine
    if (isLate) world.trace.step(machine.name, () => `has no lease of ${slot} any more, and does not know`)
    else if (before.some(({ isCommitted }) => isCommitted)) {
      world.broken(`${describe(item)} is handled again, though its checkpoint has moved past it`)
    } else if (last?.outcome === "ok" && last.excused === undefined && !isTroubled(last.machine)) {
      world.broken(`${describe(item)} was handled, nothing went wrong, and it is handled again`)
    } else if (item.order > 0 && done?.has(item.order - 1) !== true) {
      world.broken(`${describe(item)} is handled before the event in front of it was`)
    }
    if (before.length > 0) repeats += 1
    const run: Kept = {
      item,
      machine,
      slot,
      outcome: "running",
      isCommitted: false,
      excused: isLate ? "it had lost its lease" : undefined,
      committed: () => {
        if (world.owners.get(slot) !== machine) {
          world.broken(`${machine.name} has committed ${describe(item)}, but the lease is another's`)
        }
        run.isCommitted = true
        open.delete(run)
      },
      excuse: (why) => {
        run.excused ??= why
        open.delete(run)
      }
    }
    byId.set(item.id, [...before, run])
    open.add(run)
    return run
  }

  const end = (run: Kept, outcome: "ok" | "failed" | "cut"): void => {
    const { item, machine } = run
    world.trace.step(machine.name, () => `ends ${describe(item)}: ${outcome}`)
    run.outcome = outcome
    if (outcome !== "ok") return run.excuse(outcome)
    const done = byKey.get(item.key) ?? new Set()
    byKey.set(item.key, done.add(item.order))
  }

  const cut = (run: Kept): void => {
    const { item, machine } = run
    if (run.outcome !== "running") return
    end(run, "cut")
    if (!isTroubled(machine)) world.broken(`${describe(item)} was cut off on ${machine.name}, where nothing went wrong`)
  }

  return {
    checkpoint,
    handle: (machine, item, isPoison) =>
      Effect.gen(function* () {
        yield* awake(machine)
        world.trace.step(machine.name, () => `begins ${describe(item)}`)
        const run = begin(machine, item)
        yield* Effect.gen(function* () {
          yield* inside(machine, () => describe(item))
          yield* Effect.sleep(1 + world.random.below(60))
          yield* inside(machine, () => describe(item))
          yield* awake(machine)
          const fails = isPoison || world.faults.roll(["failure in handler"]) !== undefined
          end(run, fails ? "failed" : "ok")
          if (fails) return yield* Effect.fail(new HandlerFailed("the simulation let it fail"))
        }).pipe(Effect.onInterrupt(() => Effect.sync(() => cut(run))))
      }),
    committing: (machine, moves) =>
      [...open].filter(
        ({ item, machine: by, outcome, slot }) =>
          by === machine &&
          outcome === "ok" &&
          moves.some(({ name, to }) => name === slot && to >= (world.positions.get(item.id) ?? 0))
      ),
    taking: (machine, taken) => {
      for (const run of open) {
        if (run.machine !== machine || run.outcome !== "ok") continue
        if (taken.some(({ name }) => name === run.slot)) run.excuse("its lease was taken anew before it was committed")
      }
    },
    releasing: (machine, given) => {
      for (const run of open) {
        if (run.machine !== machine || run.outcome !== "running") continue
        if (!given.some(({ name }) => name === run.slot)) continue
        world.broken(`${machine.name} gives the lease of ${run.slot} away, while it handles ${describe(run.item)}`)
      }
    },
    died: (machine) => {
      for (const run of open) if (run.machine === machine) run.excuse("its process died")
    },
    missing: (items) => items.filter(({ key, order }) => byKey.get(key)?.has(order) !== true),
    count: () => ({ runs: [...byId.values()].reduce((total, runs) => total + runs.length, 0), repeats })
  }
}
