// layout: which streams and buckets a store has, what their subjects are, and with which settings they are made.
import type { StreamConfig } from "./jetstream.ts"

/** How streams and buckets are made; what is there already is taken as it is. */
export interface Settings {
  /** What all subjects, streams and buckets of one store begin with. */
  readonly prefix: string
  readonly replicas: number
  readonly storage: "file" | "memory"
  /** The most bytes that the log may hold, then the one of the bus; -1 for as many as the server has room for. */
  readonly maxBytes: number
  /** How long an append is recognised by the id of its first event, by the server itself. */
  readonly duplicateWindow: number
  /** Whether the log lets go of what it is asked to remove. */
  readonly removal?: boolean
}

const nanos = 1_000_000

/** The names of a store. */
export const make = (settings: Settings) => {
  const { duplicateWindow, maxBytes, prefix, removal = false, replicas, storage } = settings
  const common = { num_replicas: replicas, storage, allow_direct: true, discard: "new" } as const

  const log = (kind: "events" | "bus", more: Readonly<Record<string, unknown>>): StreamConfig => ({
    name: `${prefix}_${kind}`,
    subjects: [`${prefix}.${kind}.>`],
    retention: "limits",
    max_bytes: maxBytes,
    duplicate_window: duplicateWindow * nanos,
    ...common,
    ...more
  })

  const bucket = (name: string): StreamConfig => ({
    name: `KV_${prefix}_${name}`,
    subjects: [`$KV.${prefix}_${name}.>`],
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
    deny_delete: true,
    // Two processes may make the same change: whose message id is known is told apart by what is expected.
    duplicate_window: 120_000 * nanos,
    ...common
  })

  return {
    settings,
    events: log("events", { deny_delete: true, deny_purge: !removal, allow_atomic: true }),
    /** Its old messages may go. */
    bus: log("bus", { deny_delete: true }),
    checkpoints: bucket("checkpoints"),
    snapshots: bucket("snapshots"),
    rows: bucket("rows"),
    /** Which append an event id was given for: what is written here makes repeats known for ever. */
    ids: bucket("ids")
  }
}

export type Layout = ReturnType<typeof make>

/** What the subjects of a stream or the keys of a bucket begin with, with the dot. */
export const base = (config: StreamConfig): string => (config.subjects[0] ?? ">").slice(0, -1)
