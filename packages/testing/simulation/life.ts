// life: the lives of a simulated process, one after the other, and what befalls it as a whole.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as machines from "./machine.ts"
import { all } from "./programs.ts"
import type { World } from "./world.ts"

/** Starts a process and starts it again whenever it ended, for ever. */
export const live = Effect.fnUntraced(function* (world: World, index: number) {
  const { faults, random, trace } = world
  yield* Effect.sleep(random.below(1500))
  for (let life = 1; ; life++) {
    const machine = machines.make(world, `p${index}#${life}`)
    world.machines.set(index, machine)
    trace.step(machine.name, () => "starts")
    const main = yield* Effect.forkDetach(all(machine, index))
    const how = yield* Deferred.await(machine.ended)
    // An orderly end gives everything back; the dead cannot, and whoever buries them does not wait.
    if (how === "shutdown") yield* Fiber.interrupt(main)
    else yield* Effect.forkDetach(Fiber.interrupt(main))
    machine.alive = false
    world.machines.delete(index)
    trace.step(machine.name, () => "is gone")
    yield* Effect.sleep(faults.isOver() ? 1 + random.below(1000) : 1 + random.below(random.chance(0.3) ? 14_000 : 3000))
  }
})

/** Stops processes now and then: for a while, or in an orderly way. */
export const befall = Effect.fnUntraced(function* (world: World) {
  const { faults, random, trace } = world
  const spacing = random.pick([1500, 4000, 12_000]) ?? 4000
  while (true) {
    yield* Effect.sleep(1 + random.below(spacing))
    if (faults.isOver()) return
    const machine = random.pick([...world.machines.values()])
    if (machine === undefined || !machine.alive || machine.leaving) continue
    if (random.chance(0.5)) {
      const millis = 500 + random.below(13_500)
      faults.count("pause")
      trace.step(machine.name, () => `PAUSES for ${millis} ms`)
      machine.pausedUntil = Math.max(machine.pausedUntil, world.now() + millis)
      machine.troubledAt = machine.pausedUntil
    } else {
      faults.count("shutdown")
      trace.step(machine.name, () => "IS SHUT DOWN")
      machine.leaving = true
      Deferred.doneUnsafe(machine.ended, Effect.succeed("shutdown"))
    }
  }
})
