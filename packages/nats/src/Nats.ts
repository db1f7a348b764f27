// Nats: every service on NATS JetStream, over one connection; or the bus alone, for those who keep their events elsewhere.
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Bus from "evolvent/Bus"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as EventStore from "evolvent/EventStore"
import * as ReadModelStore from "evolvent/ReadModelStore"
import * as SnapshotStore from "evolvent/SnapshotStore"
import * as buckets from "./internal/bucket.ts"
import * as busLog from "./internal/busLog.ts"
import * as checkpoints from "./internal/checkpointStore.ts"
import type { Finding } from "./internal/doctor.ts"
import * as documentsOf from "./internal/documents.ts"
import * as events from "./internal/eventStore.ts"
import * as jetstreams from "./internal/jetstream.ts"
import * as layouts from "./internal/layout.ts"
import * as opening from "./internal/opening.ts"
import * as readModels from "./internal/readModelStore.ts"
import * as snapshots from "./internal/snapshotStore.ts"
import * as witnesses from "./internal/witness.ts"
import type { Witness } from "./internal/witness.ts"
import * as NatsClient from "./NatsClient.ts"
import { InvalidOption } from "./NatsError.ts"
import type { ApiError, ConnectFailed, RequestFailed, StreamUnusable } from "./NatsError.ts"

/** The services that the layers provide. */
export type Services =
  | EventStore.EventStore
  | SnapshotStore.SnapshotStore
  | CheckpointStore.CheckpointStore
  | ReadModelStore.ReadModelStore
  | Bus.Bus

/** How the services use NATS; every option may be left out. What is there already is taken as it is. */
export interface StoreOptions {
  /** What all streams, subjects and buckets begin with, "evolvent" unless given; several stores can share an account. */
  readonly prefix?: string
  /** On how many servers of a cluster each message is kept before it counts as stored: 1, 3 or 5; 1 unless given. */
  readonly replicas?: number
  /** Where streams are kept, "file" unless given. What is in "memory" is gone when its servers are. */
  readonly storage?: "file" | "memory"
  /** The most bytes that the log may have, and the bus; without limit unless given. Full, it takes no more and loses nothing. */
  readonly maxBytes?: number
  /** How long messages of the bus are kept; for ever unless given. */
  readonly retention?: Duration.Input
  /** Into how many parts the work of a group of the bus is divided; 8 unless given. */
  readonly partitions?: number
  /** The most rows of a read model that this process lists from; 100 000 unless given. */
  readonly maxListedRows?: number
  /**
   * Whether streams of events can be removed (`EventStore.remove`); they cannot unless this says so when the log is made, and
   * that cannot be changed later. Whoever may purge the log by the server's interface can then remove more than that.
   */
  readonly removal?: boolean
  /** Makes no stream and no bucket: for users who may not. What is missing is then an error. */
  readonly create?: boolean
  /** The address of the server's monitoring, where it is to be looked up how often it writes to the disk. */
  readonly monitorUrl?: string
}

/** How to connect, and how to use NATS. */
export interface Options extends StoreOptions, NatsClient.Options {}

/** How the services can fail to begin. */
export type StartError = ConnectFailed | StreamUnusable | InvalidOption | ApiError | RequestFailed

const invalid = (option: string, problem: string) => Effect.fail(new InvalidOption({ option, problem }))

const layoutOf = (options: StoreOptions): Effect.Effect<layouts.Layout, InvalidOption> => {
  const { maxBytes = -1, prefix = "evolvent", removal = false, replicas = 1, storage = "file" } = options
  // It stands in the names of streams and buckets, and as one token in subjects.
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix)) {
    return invalid("prefix", `${JSON.stringify(prefix)} is not made of 1 to 64 letters, digits, "_" and "-"`)
  }
  if (!(Number.isSafeInteger(replicas) && replicas >= 1 && replicas <= 5)) {
    return invalid("replicas", `${replicas} is no number of servers from 1 to 5`)
  }
  if (!(maxBytes === -1 || (Number.isSafeInteger(maxBytes) && maxBytes > 0))) {
    return invalid("maxBytes", `${maxBytes} is no number of bytes`)
  }
  return Effect.succeed(layouts.make({ prefix, replicas, storage, maxBytes, removal, duplicateWindow: 120_000 }))
}

interface Opened {
  readonly jetstream: jetstreams.JetStream
  readonly layout: layouts.Layout
  readonly events: EventStore.Driver
  readonly documents: documentsOf.Documents
  readonly checkpoints: CheckpointStore.CheckpointStore["Service"]
  /** Those of the bus's groups, whose positions are the ones of its own log, and what they saw of that. */
  readonly ofBus: { readonly checkpoints: CheckpointStore.CheckpointStore["Service"]; readonly witness: Witness }
}

/** What the bus needs as well: the log, for what its groups park, and the checkpoints. */
const open = (options: StoreOptions): Effect.Effect<Opened, StartError, NatsClient.NatsClient | Scope.Scope> =>
  Effect.gen(function* () {
    const layout = yield* layoutOf(options)
    const jetstream = jetstreams.make(yield* NatsClient.NatsClient)
    const { events: log, isAtomic } = yield* opening.open(jetstream, layout, options)
    const [witness, busWitness] = [witnesses.make(), witnesses.make()]
    const driver = yield* events.make(jetstream, log, buckets.make(jetstream, layout.ids), isAtomic, witness)
    const documents = documentsOf.make(jetstream, layout.checkpoints)
    return {
      jetstream,
      layout,
      events: driver,
      documents,
      checkpoints: CheckpointStore.make(checkpoints.make(jetstream, layout, documents, witness)),
      ofBus: {
        checkpoints: CheckpointStore.make(checkpoints.make(jetstream, layout, documents, busWitness)),
        witness: busWitness
      }
    }
  })

/** The bus, on its own stream of messages that anybody can read. */
const busOf = (opened: Opened, { partitions, retention }: StoreOptions): Layer.Layer<Bus.Bus> => {
  const log = Layer.effect(
    EventStore.EventStore,
    Effect.map(busLog.make(opened.jetstream, opened.layout, opened.events, opened.ofBus.witness), EventStore.make)
  )
  const given = {
    ...(partitions === undefined ? {} : { partitions }),
    ...(retention === undefined ? {} : { retention: Duration.fromInputUnsafe(retention) })
  }
  return Layer.provide(Bus.layer(given), [
    log,
    Layer.succeed(CheckpointStore.CheckpointStore, opened.ofBus.checkpoints)
  ])
}

/** The services on a connection of the surroundings. */
export const layerFrom = (options: StoreOptions = {}): Layer.Layer<Services, StartError, NatsClient.NatsClient> =>
  Layer.unwrap(
    Effect.map(open(options), (opened) => {
      const { documents, jetstream, layout } = opened
      const stores = Layer.effectContext(
        Effect.map(readModels.make(jetstream, layout, documents, options), (rows) =>
          Context.make(EventStore.EventStore, EventStore.make(opened.events)).pipe(
            Context.add(SnapshotStore.SnapshotStore, snapshots.make(jetstream, layout)),
            Context.add(CheckpointStore.CheckpointStore, opened.checkpoints),
            Context.add(ReadModelStore.ReadModelStore, rows)
          )
        )
      )
      return Layer.merge(stores, busOf(opened, options))
    })
  )

/**
 * The services on a connection of their own, which is provided as well.
 *
 * Streams and buckets are made unless they are there; any number of processes may start at once. What a setting of them can
 * lose is logged as a warning: see {@link doctor}.
 *
 * ```ts
 * import * as Nats from "@evolvent/nats/Nats"
 *
 * const Live = Nats.layer({ servers: "nats://127.0.0.1:4222", replicas: 3 })
 * ```
 */
export const layer = (options: Options): Layer.Layer<Services | NatsClient.NatsClient, StartError> =>
  Layer.provideMerge(layerFrom(options), NatsClient.layer(options))

/**
 * `layer` from configuration.
 *
 * ```ts
 * import * as Nats from "@evolvent/nats/Nats"
 * import * as Config from "effect/Config"
 *
 * const Live = Nats.layerConfig({ servers: Config.String("NATS_URL"), credentials: Config.String("NATS_CREDENTIALS") })
 * ```
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Services | NatsClient.NatsClient, StartError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/**
 * The bus alone: for those whose events are on PostgreSQL and whose services talk over NATS.
 *
 * ```ts
 * import * as Nats from "@evolvent/nats/Nats"
 * import * as Postgres from "@evolvent/postgres/Postgres"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const database = Postgres.layer({ url: Redacted.make("postgres://localhost/shop") })
 * // What is named last provides the Bus.
 * const Live = Layer.provideMerge(Nats.layerBus({ servers: "nats://127.0.0.1:4222" }), database)
 * ```
 */
export const layerBus = (options: Options): Layer.Layer<Bus.Bus, StartError> =>
  Layer.unwrap(Effect.map(open(options), (opened) => busOf(opened, options))).pipe(
    Layer.provide(NatsClient.layer(options))
  )

/**
 * Which settings of a store's streams and of its server can lose what was acknowledged, and what to change; nothing where
 * none can. The layers log the same when they start.
 *
 * ```ts
 * import * as Nats from "@evolvent/nats/Nats"
 * import * as Effect from "effect/Effect"
 *
 * const look = Effect.map(
 *   Nats.doctor({ servers: "nats://127.0.0.1:4222", monitorUrl: "http://127.0.0.1:8222" }),
 *   (findings) => findings.filter(({ level }) => level === "loses").map(Nats.describe)
 * )
 * ```
 */
export const doctor = (options: Options): Effect.Effect<ReadonlyArray<Finding>, StartError> =>
  Effect.gen(function* () {
    const jetstream = jetstreams.make(yield* NatsClient.NatsClient)
    const layout = yield* layoutOf(options)
    return yield* opening.examine(jetstream, layout, options.monitorUrl)
  }).pipe(Effect.provide(NatsClient.layer(options)))

export { describe } from "./internal/doctor.ts"
export type { Finding }
