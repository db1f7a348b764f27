// The server's configuration file: the user's settings, under those that make its address and its folder.
import * as Effect from "effect/Effect"
import { InvalidOption } from "../NatsServerError.ts"

/** A value of the configuration, as in JSON. */
export type Value = string | number | boolean | ReadonlyArray<Value> | { readonly [name: string]: Value }

/** Settings by the server's own names. */
export type Config = Readonly<Record<string, Value>>

const address = "Give the option `port`: the server listens on 127.0.0.1 only."
const another = "It would listen beside the one port that is ours: run a server of your own for that."

/** What the server's address, log and folder depend on, and where to say it instead. */
const reserved: Readonly<Record<string, string>> = {
  port: address,
  host: address,
  net: address,
  addr: address,
  listen: address,
  http: "Read the address from `monitorUrl`.",
  http_port: "Read the address from `monitorUrl`.",
  http_base_path: "Read the address from `monitorUrl`.",
  monitor_port: "Read the address from `monitorUrl`.",
  https: another,
  https_port: another,
  prof_port: another,
  gateway: another,
  leafnodes: another,
  leaf: another,
  websocket: another,
  ws: another,
  mqtt: another,
  cluster: "Use `NatsServer.cluster`.",
  routes: "Use `NatsServer.cluster`.",
  store_dir: "Give the option `directory`.",
  storedir: "Give the option `directory`.",
  log_file: "Read the log from `logFile`.",
  logfile: "Read the log from `logFile`.",
  syslog: "Read the log from `logFile`.",
  pid_file: "Read the number from `pid`.",
  pidfile: "Read the number from `pid`.",
  ports_file_dir: "Read the address from `url`."
}

const isRecord = (value: Value | undefined): value is { readonly [name: string]: Value } =>
  typeof value === "object" && !Array.isArray(value)

const invalid = (option: string, problem: string, hint: string) =>
  Effect.fail(new InvalidOption({ option: `config.${option}`, problem, hint }))

/** Fails at a setting that is not the user's. */
export const checkConfig = (config: Config): Effect.Effect<void, InvalidOption> => {
  for (const [name, value] of Object.entries(config)) {
    const hint = reserved[name.toLowerCase()]
    if (hint !== undefined) return invalid(name, "cannot be given, since the server's place depends on it", hint)
    if (!/^[a-z][a-z0-9_]*$/i.test(name)) {
      return invalid(name, "is not the name of a setting", "See the server's documentation for the names.")
    }
    if (name === "jetstream" && !isRecord(value)) {
      return invalid(name, "is not a record of settings", "JetStream is always on: give its limits, if any.")
    }
    if (name === "jetstream" && isRecord(value) && Object.keys(value).some((key) => /^store_?dir$/i.test(key))) {
      return invalid("jetstream.store_dir", "cannot be given", "Give the option `directory`.")
    }
  }
  return Effect.void
}

/** Where a server is in a cluster. */
export interface Member {
  readonly cluster: string
  /** The ports of all servers' routes, its own too. */
  readonly routes: ReadonlyArray<number>
  readonly route: number
}

/** The text of the configuration file; what the user gives goes through as it is, JetStream's settings by name. */
export const configText = (options: {
  readonly name: string
  readonly port: number
  readonly monitorPort: number
  readonly directory: string
  readonly member: Member | undefined
  readonly config: Config
}): string => {
  const { config, directory, member, monitorPort, name, port } = options
  const jetstream = isRecord(config["jetstream"]) ? config["jetstream"] : {}
  const all: Config = {
    server_name: name,
    ...config,
    host: "127.0.0.1",
    port,
    http: `127.0.0.1:${monitorPort}`,
    jetstream: { ...jetstream, store_dir: directory },
    ...(member === undefined
      ? {}
      : {
          cluster: {
            name: member.cluster,
            host: "127.0.0.1",
            port: member.route,
            routes: member.routes.map((route) => `nats-route://127.0.0.1:${route}`)
          }
        })
  }
  // Every JSON value is a value of the server's own language.
  return `${Object.entries(all)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join("\n")}\n`
}
