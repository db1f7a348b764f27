// programs: what every machine runs: a projection, a reactor, a process manager, a bus group, and those who write.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Aggregate from "evolvent/Aggregate"
import * as Bus from "evolvent/Bus"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as EventStore from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as ReadModelStore from "evolvent/ReadModelStore"
import { Account, poison, Request, Transfer } from "./domain.ts"
import type { Machine } from "./machine.ts"
import type { Command } from "./outbox.ts"
import * as stores from "./stores.ts"

/** The stores as a machine sees them. */
export const services = (machine: Machine) => {
  const { shared } = machine.world
  return Context.make(EventStore.EventStore, EventStore.make(stores.events(machine, shared.eventStore))).pipe(
    Context.add(
      CheckpointStore.CheckpointStore,
      CheckpointStore.make(stores.checkpoints(machine, shared.checkpointStore))
    ),
    Context.add(ReadModelStore.ReadModelStore, stores.readModels(machine, shared.readModelStore))
  )
}

const patiently = Schedule.spaced("150 millis")

/** Executes the commands of a machine, each until it was heard. */
const write = (machine: Machine, index: number) =>
  Effect.gen(function* () {
    const { outbox, random } = machine.world
    const queue = outbox.commands[index]
    while (true) {
      yield* Effect.sleep(100 + random.below(2000))
      const next = queue?.items[queue.done]
      if (queue === undefined || next === undefined) return
      yield* Effect.retry(execute(next), {
        while: (error) =>
          typeof error === "object" && error._tag !== "InvalidCommand" && error._tag !== "CommandIdReused",
        schedule: patiently
      }).pipe(Effect.orDie)
      if (machine.alive) queue.done += 1
    }
  })

const execute = ({ command, commandId, id, to }: Command) =>
  to === "Account"
    ? Effect.asVoid(Aggregate.execute(Account, id, command, { commandId }))
    : Effect.asVoid(Aggregate.execute(Request, id, command, { commandId }))

/** Publishes the batches of a machine, in any order of their keys and some of them again. */
const publish = (machine: Machine, index: number) =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    const { faults, outbox, random, trace } = machine.world
    const queue = outbox.batches[index]
    const send = (messages: ReadonlyArray<Bus.Message>) =>
      Effect.retry(bus.publish(messages), { while: (error) => error.isRetryable, schedule: patiently })
    while (true) {
      yield* Effect.sleep(200 + random.below(4000))
      const batch = queue?.items[queue.done]
      if (queue === undefined || batch === undefined) return
      if (faults.roll(["reordered delivery"]) === undefined) yield* send(batch)
      else {
        trace.step(machine.name, () => "publishes the keys of a batch in another order")
        const keys = [...new Set(batch.map(({ key }) => key))].reverse()
        yield* Effect.forEach(keys, (key) => send(batch.filter((one) => one.key === key)), {
          concurrency: random.chance(0.5) ? 1 : "unbounded"
        })
      }
      if (faults.roll(["duplicate delivery"]) !== undefined) {
        const old = random.pick(queue.items.slice(0, queue.done + 1)) ?? batch
        trace.step(machine.name, () => "publishes a batch again")
        yield* send(random.chance(0.5) ? old : [...old, ...old])
      }
      if (machine.alive) queue.done += 1
    }
  })

/** The checkpoint of the bus group. */
export const group = "listener"

/** Nothing of this ends by failing: what does is no accident of the simulation. */
const never = <E extends { readonly message: string }, R>(
  machine: Machine,
  effect: Effect.Effect<unknown, E, R>
): Effect.Effect<void, never, R> =>
  effect.pipe(
    Effect.tapError(({ message }) => Effect.sync(() => machine.world.broken(`on ${machine.name}: ${message}`))),
    Effect.tapDefect((defect) =>
      Effect.sync(() => machine.world.broken(`on ${machine.name} something died of ${String(defect)}`))
    ),
    Effect.ignoreCause
  )

/** Everything that a machine runs, until it is interrupted. */
export const all = (machine: Machine, index: number) =>
  Effect.suspend(() => {
    const { listener, random, witness, world } = { ...machine.world, world: machine.world }
    const options = () => ({
      partitions: random.pick([1, 2, 3, 4, 8]) ?? 1,
      lease: random.pick([4000, 8000, 12_000]) ?? 8000
    })
    const soon = { retry: Schedule.max([Schedule.spaced("40 millis"), Schedule.recurs(2)]), onFailure: "park" } as const
    const isPoison = (word: string): boolean => word.startsWith(poison) && !world.isMended
    const reactor = Processor.reactor("witness", {
      from: [Account],
      handle: ({ data, id, revision, stream }) =>
        witness.handle(machine, { id, key: stream, order: revision }, "note" in data && isPoison(data.note))
    })
    const bus = Layer.provideMerge(
      Bus.layer({ partitions: options().partitions }),
      Layer.succeedContext(services(machine))
    )
    const programs = [
      never(machine, Processor.run(Processor.projection(world.ledger), { ...options(), ...soon })),
      never(machine, Processor.run(reactor, { ...options(), ...soon })),
      never(machine, Processor.run(Processor.manager(Transfer), options())),
      never(
        machine,
        Bus.Bus.use(({ subscribe }) =>
          subscribe(group, { topics: [{ category: "News" }], retry: soon.retry }, ({ id, key, revision, type }) =>
            listener.handle(machine, { id, key, order: revision }, isPoison(type))
          )
        )
      ),
      never(machine, write(machine, index)),
      never(machine, publish(machine, index))
    ]
    return Effect.all(programs, { concurrency: "unbounded", discard: true }).pipe(Effect.provide(bus))
  })
