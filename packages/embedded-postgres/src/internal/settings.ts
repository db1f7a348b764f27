// The server's settings: the user's, under those that make its address.
import * as Effect from "effect/Effect"
import { InvalidOption } from "../EmbeddedPostgresError.ts"

type Settings = Readonly<Record<string, string | number | boolean>>

/** What the server's address, log and data depend on, and where to say it instead. */
const reserved: Readonly<Record<string, string>> = {
  port: "Give the option `port`.",
  listen_addresses: "Give the option `port` to listen on 127.0.0.1.",
  data_directory: "Give the option `dataDir`.",
  unix_socket_directories: "The folder is chosen for each server: read it from `host`.",
  unix_socket_permissions: "Only the server's user and root may connect without a password.",
  hba_file: "Change pgdata/pg_hba.conf in the data folder.",
  external_pid_file: "Read the number from `pid`.",
  logging_collector: "Read the log from `logFile`.",
  log_destination: "Read the log from `logFile`."
}

/** Fails at a setting that is not the user's, or no setting at all. */
export const checkSettings = (settings: Settings): Effect.Effect<void, InvalidOption> => {
  for (const [name, value] of Object.entries(settings)) {
    const hint = reserved[name.toLowerCase()]
    if (hint !== undefined) {
      const problem = "cannot be given, since the server's address depends on it"
      return Effect.fail(new InvalidOption({ option: `settings.${name}`, problem, hint }))
    }
    if (!/^[a-z_][a-z0-9_.$]*$/i.test(name) || String(value).includes("\0")) {
      const problem = `(${JSON.stringify(value)}) is not a setting of PostgreSQL`
      return Effect.fail(
        new InvalidOption({ option: `settings.${name}`, problem, hint: "See SHOW ALL for the names." })
      )
    }
  }
  return Effect.void
}

/** All settings. Durability is PostgreSQL's default, which is safe: nothing here weakens it. */
export const settingsOf = (options: {
  readonly runtime: string
  readonly port: number | undefined
  readonly socketPort: number
  readonly mark: string
  readonly settings: Settings
}): Readonly<Record<string, string>> => {
  const { mark, port, runtime, settings, socketPort } = options
  const [markName = "", ...markValue] = mark.split("=")
  return {
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)])),
    listen_addresses: port === undefined ? "" : "127.0.0.1",
    port: String(port ?? socketPort),
    unix_socket_directories: process.platform === "win32" ? "" : `"${runtime}"`,
    unix_socket_permissions: "0700",
    logging_collector: "off",
    log_destination: "stderr",
    [markName]: markValue.join("=")
  }
}
