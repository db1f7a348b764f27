// stores: the shared memory as one machine sees it, with a fault possible at each call.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Driver as CheckpointDriver, Lease, Move } from "evolvent/CheckpointStore"
import { CheckpointStoreError } from "evolvent/CheckpointStoreError"
import * as EventFilter from "evolvent/EventFilter"
import type { Driver as EventDriver } from "evolvent/EventStore"
import { because, Unavailable } from "evolvent/EventStoreError"
import type * as Memory from "evolvent/Memory"
import { ReadModelStoreError } from "evolvent/ReadModelStore"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import { awake, refused, through } from "./machine.ts"
import type { Machine } from "./machine.ts"

/** What all machines share. */
export type Shared = Omit<ReturnType<typeof Memory.drivers>, "snapshotStore">

const problem = "the simulation took the connection away"

const noEvents = () => because("simulation", new Unavailable({ problem }))
const noCheckpoints = () => new CheckpointStoreError({ operation: "simulation", reason: new Unavailable({ problem }) })
const noReadModels = () => new ReadModelStoreError({ operation: "simulation", reason: new Unavailable({ problem }) })

/** The event store of a machine. */
export const events = (machine: Machine, shared: EventDriver): EventDriver => {
  const reads = <A, E, R>(what: () => string, real: Effect.Effect<A, E, R>) =>
    through(machine, { what: () => `events.${what()}`, writes: false, unavailable: noEvents }, real)
  return {
    ...shared,
    append: (appends) => {
      const what = () =>
        `events.append ${appends.map(({ events, stream }) => `${stream} [${events.map(({ type }) => type).join(" ")}]`).join(", ")}`
      return through(machine, { what, writes: true, unavailable: noEvents }, shared.append(appends))
    },
    read: (request) => {
      const from = request.from === undefined ? "" : ` from ${JSON.stringify(Object.values(request.from)[1])}`
      return Effect.tap(
        reads(() => `read ${EventFilter.describe(request.filter)}${from}`, shared.read(request)),
        (page) =>
          Effect.sync(() => {
            for (const { category, data, id, position } of page.events) {
              machine.world.positions.set(
                category === "$bus" ? (JSON.parse(data) as { readonly id: string }).id : id,
                position
              )
            }
          })
      )
    },
    find: (stream, id) => reads(() => `find ${stream}`, shared.find(stream, id)),
    head: reads(() => "head", shared.head),
    newest: reads(() => "newest", shared.newest),
    streamRevision: (stream) => reads(() => `streamRevision ${stream}`, shared.streamRevision(stream)),
    listen: reads(
      () => "listen",
      Effect.map(shared.listen, (woken) => {
        const heard: Effect.Effect<void> = Effect.flatMap(woken, () => {
          if (machine.world.faults.roll(["missed wake-up"]) === undefined) return awake(machine)
          machine.world.trace.step(machine.name, () => "MISSES a wake-up")
          return heard
        })
        return heard
      })
    ),
    // Wake-ups get lost here, so it looks by itself.
    pollInterval: "4 seconds"
  }
}

const span = (moves: ReadonlyArray<Move>): string =>
  moves.length === 0 ? "" : `${moves.map(({ name }) => name).join(" ")} ${moves[0]?.from}→${moves[0]?.to}`

/** The checkpoint store of a machine. */
export const checkpoints = (machine: Machine, shared: CheckpointDriver): CheckpointDriver => {
  const { consumers, owners } = machine.world
  const call = <A, E>(writes: boolean, what: () => string, real: Effect.Effect<A, E>) =>
    through(machine, { what: () => `checkpoints.${what()}`, writes, unavailable: noCheckpoints }, real).pipe(
      Effect.tapError((error) => Effect.sync(() => refused(machine, error)))
    )
  const list = (names: ReadonlyArray<string>): string =>
    names.length > 3 ? `${names[0]} … (${names.length})` : names.join(" ")
  const namesOf = (leases: ReadonlyArray<{ readonly name: string }>) => list(leases.map(({ name }) => name))
  return {
    ...shared,
    load: (names) => call(false, () => `load ${list(names)}`, shared.load(names)),
    commit: <A, E, R>(moves: ReadonlyArray<Move>, writes: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        const runs = consumers.flatMap((consumer) => consumer.committing(machine, moves))
        const settle = Effect.sync(() => runs.forEach((run) => run.committed()))
        const real = Effect.tap(shared.commit(moves, writes), settle)
        // The server has got everything but the last word, which comes when nobody waits for it any more.
        const late = (millis: number) =>
          Effect.gen(function* () {
            const sent = yield* Deferred.make<A, E>()
            const slow = Effect.onExit(writes, (exit) => Deferred.done(sent, exit))
            yield* Effect.forkDetach(
              Effect.ignore(Effect.tap(shared.commit(moves, Effect.tap(slow, Effect.sleep(millis))), settle))
            )
            return yield* Deferred.await(sent)
          })
        const step = { what: () => `checkpoints.commit ${span(moves)}`, writes: true, unavailable: noCheckpoints }
        return through(machine, step, real, late).pipe(
          Effect.onError(({ reasons }) =>
            Effect.sync(() => {
              for (const reason of reasons) if (reason._tag === "Fail") refused(machine, reason.error)
              runs.forEach((run) => run.excuse("its commit did not go through"))
            })
          )
        )
      }),
    stop: (name, stopped, lease) => call(true, () => `stop ${name}`, shared.stop(name, stopped, lease)),
    acquire: (names, holder, duration) => {
      machine.holders.add(holder)
      const own = (leases: ReadonlyArray<Lease>) =>
        Effect.sync(() => {
          leases.forEach(({ name }) => owners.set(name, machine))
          consumers.forEach((consumer) => consumer.taking(machine, leases))
        })
      return Effect.tap(
        call(true, () => `acquire ${list(names)}`, Effect.tap(shared.acquire(names, holder, duration), own)),
        (leases) => Effect.sync(() => machine.world.trace.step(machine.name, () => `has taken ${namesOf(leases)}`))
      )
    },
    renew: (leases) => call(true, () => `renew ${namesOf(leases)}`, shared.renew(leases)),
    release: (leases) =>
      Effect.suspend(() => {
        for (const consumer of consumers) if (machine.alive) consumer.releasing(machine, leases)
        return call(true, () => `release ${namesOf(leases)}`, shared.release(leases))
      }),
    holders: (names) => call(false, () => `holders ${list(names)}`, shared.holders(names)),
    attend: (name, member, duration) =>
      call(true, () => `attend ${name} with ${member.partitions} partitions`, shared.attend(name, member, duration)),
    names: call(false, () => "names", shared.names),
    leave: (name, holder) => call(true, () => `leave ${name}`, shared.leave(name, holder))
  }
}

/** The read model store of a machine. */
export const readModels = (machine: Machine, shared: ReadModelStore["Service"]): ReadModelStore["Service"] => {
  const call = <A, E>(writes: boolean, what: () => string, real: Effect.Effect<A, E>) =>
    through(machine, { what: () => `readModels.${what()}`, writes, unavailable: noReadModels }, real)
  return {
    ...shared,
    get: (table, keys) => call(false, () => `get ${table.name}`, shared.get(table, keys)),
    // Within a transaction: its writes are sent with its commit, and cannot come later than that.
    apply: (table, rows) =>
      call(false, () => `apply ${table.name} ${rows.map(({ key }) => key).join(" ")}`, shared.apply(table, rows)),
    list: (table, query) => call(false, () => `list ${table.name}`, shared.list(table, query)),
    drop: (table) => call(true, () => `drop ${table.name}`, shared.drop(table))
  }
}
