// Mutant: Memory broken in one way, and the law that must notice.
import { Subject } from "@evolvent/testing/conformance"
import type { Functions, Suites } from "@evolvent/testing/conformance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Bus from "evolvent/Bus"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as EventStore from "evolvent/EventStore"
import * as Memory from "evolvent/Memory"
import * as ReadModelStore from "evolvent/ReadModelStore"
import * as SnapshotStore from "evolvent/SnapshotStore"

export type Store = EventStore.EventStore["Service"]
export type Checkpoints = CheckpointStore.CheckpointStore["Service"]
export type ReadModels = ReadModelStore.ReadModelStore["Service"]
export type Snapshots = SnapshotStore.SnapshotStore["Service"]
export type Messages = Bus.Bus["Service"]

/** What is broken, each part made from the whole one that it stands for, anew for each law. */
export interface Break {
  readonly driver?: (driver: EventStore.Driver) => EventStore.Driver
  readonly store?: (store: Store, driver: EventStore.Driver) => Store
  readonly checkpointDriver?: (driver: CheckpointStore.Driver) => CheckpointStore.Driver
  readonly checkpoints?: (checkpoints: Checkpoints) => Checkpoints
  readonly readModels?: (readModels: ReadModels, checkpoints: Checkpoints) => ReadModels
  readonly snapshots?: (snapshots: Snapshots) => Snapshots
  readonly bus?: (bus: Messages) => Messages
  readonly functions?: (functions: Functions) => Functions
}

/** A broken Memory. */
export interface Mutant {
  /** The law it must break, by the beginning of its name: "EventStore 1.1". */
  readonly law: string
  /** What is broken, in words. */
  readonly breaks: string
  /** A function where its parts share what they remember. */
  readonly by: Break | (() => Break)
  /** Other laws of the suite that cannot but break with it. */
  readonly also?: ReadonlyArray<string>
}

/** The mutants of one suite. */
export type Mutants = { readonly [S in keyof Suites]: ReadonlyArray<Mutant> }

const whole = <A>(value: A): A => value

/** What a checkpoint store takes one by one or many at once. */
export const listOf = <A>(one: A | ReadonlyArray<A>): ReadonlyArray<A> => (Array.isArray(one) ? one : [one as A])

/** Memory with something broken; small appends, so that laws about the limit are quick. */
export const broken = (by: Break): Layer.Layer<Memory.Services> => {
  const stores = Layer.effectContext(
    Effect.sync(() => {
      const { checkpointStore, eventStore, readModelStore, snapshotStore } = Memory.drivers()
      const small = { ...eventStore, capabilities: { ...eventStore.capabilities, maxAppendBytes: 128 * 1024 } }
      const driver = (by.driver ?? whole)(small)
      const store = EventStore.make(driver)
      const checkpoints = CheckpointStore.make((by.checkpointDriver ?? whole)(checkpointStore))
      const watched = (by.checkpoints ?? whole)(checkpoints)
      return Context.make(EventStore.EventStore, by.store?.(store, driver) ?? store).pipe(
        Context.add(SnapshotStore.SnapshotStore, (by.snapshots ?? whole)(snapshotStore)),
        Context.add(CheckpointStore.CheckpointStore, watched),
        Context.add(ReadModelStore.ReadModelStore, by.readModels?.(readModelStore, checkpoints) ?? readModelStore)
      )
    })
  )
  const breakBus = Layer.effect(Bus.Bus, Effect.map(Bus.Bus, by.bus ?? whole))
  return breakBus.pipe(Layer.provideMerge(Bus.layer()), Layer.provideMerge(stores))
}

/** Runs an effect on a broken Memory of its own. */
export const on =
  (make: Mutant["by"]) =>
  <A, E>(effect: Effect.Effect<A, E, Memory.Services>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const by = typeof make === "function" ? make() : make
      return Effect.updateService(effect, Subject, by.functions ?? whole).pipe(
        Effect.provide(broken(by), { local: true })
      )
    })
