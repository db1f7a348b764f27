// doctor: which settings of streams, buckets and the server can lose what was acknowledged, and what to change.
import * as Effect from "effect/Effect"
import type { StreamConfig, StreamInfo } from "./jetstream.ts"
import type { Layout } from "./layout.ts"
import type { Syncing } from "./syncing.ts"

/** What a setting means for what was acknowledged: "loses" where it can be gone, "unknown" where that could not be seen. */
export interface Finding {
  readonly level: "loses" | "risk" | "unknown"
  /** The stream or bucket, or "server". */
  readonly where: string
  readonly setting: string
  readonly problem: string
  readonly remedy: string
}

/** What is known of a store. */
export interface Facts {
  readonly version: string
  readonly syncing: Syncing
  readonly streams: ReadonlyArray<StreamInfo>
  readonly layout: Layout
}

const number = (config: StreamConfig, setting: string): number => {
  const value = config[setting]
  return typeof value === "number" ? value : -1
}

const ofStream = ({ config }: StreamInfo, layout: Layout): ReadonlyArray<Finding> => {
  const where = config.name
  const isEvents = where === layout.events.name
  const isBus = where === layout.bus.name
  const found: Array<Finding> = []
  const loses = (setting: string, problem: string, remedy: string) =>
    found.push({ level: "loses", where, setting, problem, remedy })
  const edit = (change: string) => `nats stream edit ${where} ${change}`

  if (config.storage === "memory") {
    const problem = "it is kept in memory: all of it is gone when its servers stop"
    loses("storage: memory", problem, "make it anew with file storage and copy it; a stream cannot be changed to that")
  }
  if (config["discard"] !== "new") {
    const limits = number(config, "max_bytes") > 0 || number(config, "max_msgs") > 0
    if (limits) loses("discard: old", "when it is full, its oldest messages go to make room", edit("--discard=new"))
  }
  if (!isBus && number(config, "max_age") > 0) {
    loses(
      `max_age: ${number(config, "max_age")}`,
      "what is older goes, whether somebody needs it or not",
      edit("--max-age=0")
    )
  }
  if (isEvents && number(config, "max_msgs_per_subject") > 0) {
    const setting = `max_msgs_per_subject: ${number(config, "max_msgs_per_subject")}`
    loses(setting, "a stream of events loses its oldest when it grows", edit("--max-msgs-per-subject=-1"))
  }
  // Where streams can be removed the log was made to be purged.
  const keeps = isEvents && layout.settings.removal !== true
  for (const setting of keeps ? ["deny_delete", "deny_purge"] : ["deny_delete"]) {
    if (config[setting] === true) continue
    found.push({
      level: "risk",
      where,
      setting: `${setting}: false`,
      problem: "whoever may use JetStream's interface can remove messages",
      remedy: `${setting} can only be given when a stream is made; restrict the interface by permissions`
    })
  }
  return found
}

const seconds = (millis: number): string => (millis < 1000 ? `${millis} ms` : `${millis / 1000} s`)

const ofServer = ({ layout, streams, syncing, version }: Facts): ReadonlyArray<Finding> => {
  const log = streams.find(({ config }) => config.name === layout.events.name)
  const replicas = log?.config.num_replicas ?? 1
  const remedy =
    "set jetstream { sync_interval: always } on every server (2.10 and later), or replicas: 3 (2.9.21 and later) and servers that do not fail together"
  if (syncing === "always") return []
  if (syncing === "unknown") {
    const problem = `how often server ${version} writes what it has acknowledged to the disk could not be seen`
    return [
      { level: "unknown", where: "server", setting: "sync_interval", problem, remedy: `give monitorUrl; ${remedy}` }
    ]
  }
  const problem =
    replicas > 1
      ? `a message is on ${replicas} servers, but on no disk for up to ${seconds(syncing)}: a power cut of all of them loses it`
      : `a power cut loses what was acknowledged in the last ${seconds(syncing)}, and a stream made within that time altogether`
  return [
    {
      level: replicas > 1 ? "risk" : "loses",
      where: "server",
      setting: `sync_interval: ${seconds(syncing)}`,
      problem,
      remedy
    }
  ]
}

/** What there is to find in what is known. */
export const examine = (facts: Facts): ReadonlyArray<Finding> => [
  ...ofServer(facts),
  ...facts.streams.flatMap((stream) => ofStream(stream, facts.layout))
]

/** A finding in words. */
export const describe = ({ problem, remedy, setting, where }: Finding): string =>
  `${where}, ${setting}: ${problem}. ${remedy[0]?.toUpperCase() ?? ""}${remedy.slice(1)}.`

/** Says what was found, once, at the start. */
export const warn = (findings: ReadonlyArray<Finding>): Effect.Effect<void> =>
  Effect.forEach(
    findings,
    (finding) =>
      finding.level === "unknown" ? Effect.logInfo(describe(finding)) : Effect.logWarning(describe(finding)),
    { discard: true }
  )
