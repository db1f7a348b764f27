// opening: makes the streams and buckets of a store unless they are there, and looks whether they can keep what is promised.
import * as Effect from "effect/Effect"
import { StreamUnusable } from "../NatsError.ts"
import type { Failure, JetStream, StreamConfig, StreamInfo } from "./jetstream.ts"
import * as doctor from "./doctor.ts"
import type { Layout } from "./layout.ts"
import * as serverVersion from "./serverVersion.ts"
import * as sync from "./syncing.ts"

/** Why a stream that is there cannot be what it is needed for, or undefined. */
const problemOf = (wanted: StreamConfig, { config }: StreamInfo, version: string): string | undefined => {
  const subject = wanted.subjects[0] ?? ""
  if (!config.subjects.includes(subject)) {
    return `it takes the subjects ${config.subjects.join(", ")}, but ${subject} is needed`
  }
  const retention = config["retention"]
  if (retention !== undefined && retention !== "limits") {
    return `its retention is "${String(retention)}", so that messages go when somebody has read them; it must be "limits"`
  }
  if (config.num_replicas > 1 && !serverVersion.comparesReplicas(version)) {
    return (
      `it has ${config.num_replicas} replicas on nats-server ${version}, which lets two writers win where one may, and ` +
      `acknowledges both; run 2.9.21 or newer on all servers, or one replica`
    )
  }
  return undefined
}

// The log is the first.
const configsOf = ({ bus, checkpoints, events, ids, rows, snapshots }: Layout): ReadonlyArray<StreamConfig> => [
  events,
  bus,
  checkpoints,
  ids,
  rows,
  snapshots
]

/** Opens all of them, and gives the log as the server has it, and whether it takes atomic batches. */
export const open = (
  jetstream: JetStream,
  layout: Layout,
  { create = true, monitorUrl }: { readonly create?: boolean; readonly monitorUrl?: string | undefined }
): Effect.Effect<{ readonly events: StreamInfo; readonly isAtomic: boolean }, Failure | StreamUnusable> =>
  Effect.gen(function* () {
    const found = (config: StreamConfig): Effect.Effect<StreamInfo, Failure | StreamUnusable> =>
      Effect.flatMap(jetstream.info(config.name), (info) => {
        const problem = "it is not there, and this layer makes none: make it, or let a user do so who may"
        return info === undefined
          ? Effect.fail(new StreamUnusable({ stream: config.name, problem }))
          : Effect.succeed(info)
      })
    const { version } = yield* jetstream.client.server
    const one = (config: StreamConfig) =>
      Effect.flatMap(create ? jetstream.ensure(config) : found(config), (info) => {
        const problem = problemOf(config, info, version)
        return problem === undefined
          ? Effect.succeed(info)
          : Effect.fail(new StreamUnusable({ stream: config.name, problem }))
      })
    const all = yield* Effect.forEach(configsOf(layout), one, { concurrency: 6 })
    const syncing = yield* sync.look(monitorUrl)
    yield* doctor.warn(doctor.examine({ version, syncing, streams: all, layout }))
    const [events] = all
    if (events === undefined)
      return yield* new StreamUnusable({ stream: layout.events.name, problem: "it is not there" })
    // Older servers drop the setting without a word, and would store the first message of a batch alone.
    return { events, isAtomic: serverVersion.isAtomic(version) && events.config["allow_atomic"] === true }
  })

/** Looks at what is there of a store, and makes nothing. */
export const examine = (
  jetstream: JetStream,
  layout: Layout,
  monitorUrl: string | undefined
): Effect.Effect<ReadonlyArray<doctor.Finding>, Failure> =>
  Effect.gen(function* () {
    const all = yield* Effect.forEach(configsOf(layout), ({ name }) => jetstream.info(name), { concurrency: 6 })
    const { version } = yield* jetstream.client.server
    const syncing = yield* sync.look(monitorUrl)
    return doctor.examine({ version, syncing, streams: all.flatMap((info) => info ?? []), layout })
  })
