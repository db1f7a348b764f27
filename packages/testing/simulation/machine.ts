// machine: one life of a simulated process, and the gate through which everything it does to the outside goes.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Kind } from "./faults.ts"
import type { World } from "./world.ts"

/** One life of a process: a restart is another machine. */
export interface Machine {
  readonly world: World
  readonly name: string
  /** Under which names it holds leases. */
  readonly holders: Set<string>
  alive: boolean
  /** Whether it is being shut down in an orderly way. */
  leaving: boolean
  pausedUntil: number
  /** How many calls it made at one moment of time. */
  moment: { readonly at: number; calls: number }
  /** When a call of its last went wrong, or when it was last held up. */
  troubledAt: number
  readonly ended: Deferred.Deferred<"crash" | "shutdown">
}

/** A new life of a process. */
export const make = (world: World, name: string): Machine => ({
  world,
  name,
  holders: new Set(),
  alive: true,
  leaving: false,
  pausedUntil: 0,
  moment: { at: 0, calls: 0 },
  troubledAt: Number.NEGATIVE_INFINITY,
  ended: Deferred.makeUnsafe()
})

// A lease of these worlds is no longer than this, and so is what trouble can lead to.
const longestLease = 12_000

/** Whether something went wrong on a machine that may show now. */
export const isTroubled = ({ alive, leaving, troubledAt, world }: Machine): boolean =>
  !alive || leaving || world.now() - troubledAt <= longestLease + 1000

/** A call was refused: trouble, and a broken law where a lease was lost for no reason. */
export const refused = (machine: Machine, error: unknown): void => {
  const tag = typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined
  if ((tag === "LeaseLost" || tag === "CheckpointMoved") && !isTroubled(machine)) {
    machine.world.broken(`on ${machine.name}, where nothing went wrong: ${String((error as Error).message)}`)
  }
  machine.troubledAt = Math.max(machine.troubledAt, machine.world.now())
}

/** What the dead do: nothing, for ever. */
export const nothing: Effect.Effect<never> = Effect.interruptible(Effect.never)

/** Ends a life at this very step. */
export const kill = (machine: Machine, how: string): void => {
  if (!machine.alive) return
  machine.alive = false
  machine.world.trace.step(machine.name, () => `DIES ${how}`)
  machine.world.consumers.forEach((consumer) => consumer.died(machine))
  Deferred.doneUnsafe(machine.ended, Effect.succeed("crash"))
}

/** Something that is done to the outside. */
export interface Step<E> {
  readonly what: () => string
  /** Whether it changes anything: then its answer can be lost. */
  readonly writes: boolean
  readonly unavailable: () => E
}

const ofReads: ReadonlyArray<Kind> = ["fail before", "delay before", "delay after", "crash before", "crash after"]
const ofWrites: ReadonlyArray<Kind> = [...ofReads, "answer lost", "late write"]
const ofHandlers: ReadonlyArray<Kind> = ["crash in handler", "delay before"]

/** Waits until a machine that was stopped goes on; the dead wait for ever. */
export const awake = (machine: Machine): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!machine.alive) return nothing
    const left = machine.pausedUntil - machine.world.now()
    return left <= 0 ? Effect.void : Effect.flatMap(Effect.sleep(Math.ceil(left)), () => awake(machine))
  })

const delayed = (machine: Machine): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { faults, now } = machine.world
    const millis = faults.delay()
    machine.troubledAt = Math.max(machine.troubledAt, now() + millis)
    return Effect.andThen(Effect.sleep(millis), awake(machine))
  })

// Where no time passes, nobody has so much to do.
const manyCalls = 5000

const isSpinning = (machine: Machine): boolean => {
  const at = machine.world.now()
  if (machine.moment.at !== at) machine.moment = { at, calls: 0 }
  machine.moment.calls += 1
  return machine.moment.calls > manyCalls
}

/** Does something to the outside, where things go wrong. `late` is how it is done when nobody waits for it any more. */
export const through = <A, E, R, X>(
  machine: Machine,
  { unavailable, what, writes }: Step<X>,
  real: Effect.Effect<A, E, R>,
  late: (millis: number) => Effect.Effect<unknown, E, R> = (millis) =>
    Effect.forkDetach(Effect.ignore(Effect.andThen(Effect.sleep(millis), real)))
): Effect.Effect<A, E | X, R> =>
  Effect.flatMap(awake(machine), (): Effect.Effect<A, E | X, R> => {
    const { faults, now, trace } = machine.world
    if (isSpinning(machine)) {
      machine.world.broken(`${machine.name} spins: ${what()}, again and again at one moment`)
      kill(machine, "because it spins")
      return nothing
    }
    const fault = faults.roll(writes ? ofWrites : ofReads)
    trace.step(machine.name, () => (fault === undefined ? what() : `${what()}: ${fault.toUpperCase()}`))
    if (fault === undefined) return Effect.andThen(Effect.void, real)
    machine.troubledAt = now()
    // Whoever is dead when an answer comes does not hear it.
    const answered = Effect.tap(real, () => awake(machine))
    switch (fault) {
      case "fail before":
        return Effect.fail(unavailable())
      case "answer lost":
        return Effect.flatMap(answered, () => Effect.fail(unavailable()))
      case "late write":
        return Effect.andThen(late(faults.delay()), Effect.fail(unavailable()))
      case "delay before":
        return Effect.andThen(delayed(machine), real)
      case "delay after":
        return Effect.tap(real, () => delayed(machine))
      case "crash before":
        kill(machine, `before ${what()}`)
        return nothing
      default:
        return Effect.flatMap(real, () => {
          kill(machine, `after ${what()}`)
          return nothing
        })
    }
  })

/** A moment within a handler, where it may be held up or die. */
export const inside = (machine: Machine, what: () => string): Effect.Effect<void> =>
  Effect.flatMap(awake(machine), () => {
    const fault = machine.world.faults.roll(ofHandlers)
    if (fault === undefined) return Effect.void
    machine.world.trace.step(machine.name, () => `${what()}: ${fault.toUpperCase()}`)
    if (fault === "delay before") return delayed(machine)
    kill(machine, `inside ${what()}`)
    return nothing
  })
