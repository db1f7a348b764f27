// operator: the person who looks at what is parked, has it tried again, and now and then gives something up.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as EventFilter from "evolvent/EventFilter"
import * as EventStore from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import { group } from "./programs.ts"
import type { World } from "./world.ts"

/** The processors that park. */
export const targets = [
  { name: "ledger", checkpoint: "projection/ledger@1", categories: ["Account"] },
  { name: "witness", checkpoint: "reactor/witness", categories: ["Account"] },
  { name: group, checkpoint: `bus/${group}`, categories: ["$bus"] }
].map((one) => ({ ...one, filter: EventFilter.categories(one.categories.map((category) => ({ category }))) }))

/** What goes by the shared store itself: nothing goes wrong on this way. */
export const onShared =
  (world: World) =>
  <A, E>(effect: Effect.Effect<A, E, EventStore.EventStore>): Effect.Effect<A> =>
    effect.pipe(
      Effect.provideContext(Context.make(EventStore.EventStore, EventStore.make(world.truth.eventStore))),
      Effect.orDie
    )

/** Has everything tried again that is parked. */
export const retryAll = (world: World) =>
  Effect.forEach(
    targets,
    (target) =>
      Effect.map(onShared(world)(Processor.retry(target)), (keys) => {
        if (keys.length > 0) world.trace.step("operator", () => `wants ${target.name} to try ${keys.join(", ")} again`)
      }),
    { discard: true }
  )

/** Asks for retries now and then, mended or not. */
export const impatient = Effect.fnUntraced(function* (world: World) {
  const { faults, random } = world
  while (!faults.isOver()) {
    yield* Effect.sleep(1000 + random.below(8000))
    yield* retryAll(world)
  }
})

/** Gives up something that the projection has parked, if there is anything that nobody is trying again. */
export const giveUp = (world: World) =>
  Effect.gen(function* () {
    const parked = yield* onShared(world)(Processor.parked(Processor.projection(world.ledger)))
    const some = world.random.pick(parked.filter(({ isRequested }) => !isRequested))
    if (some === undefined) return
    world.trace.step("operator", () => `drops event ${some.eventId.slice(-8)} of ${some.key}`)
    yield* onShared(world)(Processor.drop(Processor.projection(world.ledger), some.eventId))
  })
