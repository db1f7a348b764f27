// onNats: a store on NATS JetStream, for the command line.
import * as Nats from "@evolvent/nats/Nats"
import { ConnectFailed, InvalidOption, StreamUnusable } from "@evolvent/nats/NatsError"
import * as NatsClient from "@evolvent/nats/NatsClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Address, Backend } from "./connection.ts"
import { misused, unusable } from "./failure.ts"
import type { Failure } from "./failure.ts"
import { quiet } from "./quiet.ts"

/** What is written with % in an address; undefined where that is no text. */
const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Addresses without who signs in, and who that is. */
const connectionOf = (url: string): (NatsClient.Options & { readonly servers: ReadonlyArray<string> }) | undefined => {
  const all = url.split(",").map((one) => one.trim())
  if (!all.every((one) => URL.canParse(one))) return undefined
  const parsed = all.map((one) => new URL(one))
  const [first] = parsed
  const [user, password] = [decoded(first?.username ?? ""), decoded(first?.password ?? "")]
  if (user === undefined || password === undefined) return undefined
  const who =
    user === "" ? {} : password === "" ? { token: Redacted.make(user) } : { user, password: Redacted.make(password) }
  const tls = parsed.some(({ protocol }) => protocol === "tls:") ? { tls: {} } : {}
  return { servers: parsed.map(({ host }) => `nats://${host}`), name: "evolvent-cli", ...who, ...tls }
}

const inWords =
  (where: string) =>
  (error: Nats.StartError): Failure => {
    if (error instanceof InvalidOption) return misused(`The store's name, --store, cannot be used: ${error.problem}.`)
    const missing = error instanceof StreamUnusable && error.message.includes("not there")
    const detail = error instanceof ConnectFailed ? error.problem : error.message.replace(/\.$/, "")
    const remedy = missing
      ? "`evolvent migrate` makes what a store needs; look also whether --store names the right one."
      : "Look at the address and the credentials, and whether a server with JetStream runs there (nats-server -js)."
    return unusable(`The store on NATS at ${where} cannot be used: ${detail}. ${remedy}`)
  }

/** The store at an address. NATS_CREDENTIALS is the path of a credentials file, where one is needed. */
export const make = ({ store, url }: Address): Effect.Effect<Backend, Failure> =>
  Effect.gen(function* () {
    const connection = connectionOf(url)
    if (connection === undefined) {
      return yield* misused(
        "The address of the NATS server is no URL: nats://user:password@host:4222, with a % in a password as %25."
      )
    }
    const credentials = Option.getOrUndefined(yield* Effect.orDie(Config.option(Config.String("NATS_CREDENTIALS"))))
    const monitorUrl = Option.getOrUndefined(yield* Effect.orDie(Config.option(Config.String("NATS_MONITOR_URL"))))
    const where = connection.servers.join(",")
    const options = {
      ...connection,
      prefix: store,
      ...(credentials === undefined ? {} : { credentials }),
      ...(monitorUrl === undefined ? {} : { monitorUrl })
    }
    const failing = <A, R>(layer: Layer.Layer<A, Nats.StartError, R>) =>
      Layer.catch(layer, (error) => Layer.effectContext(Effect.fail(inWords(where)(error))))
    const version = NatsClient.NatsClient.use(({ server }) => server).pipe(Effect.provide(NatsClient.layer(options)))
    return {
      kind: "NATS",
      where,
      layer: failing(Nats.layer({ ...options, create: false })),
      migrate: ({ removal, replicas }) =>
        Effect.scoped(Layer.build(failing(Nats.layer({ ...options, removal, replicas })))).pipe(
          Effect.provide(quiet),
          Effect.asVoid
        ),
      examine: Effect.gen(function* () {
        const { name, version: server } = yield* version
        // The library speaks of its option; here it is a variable.
        const findings = (yield* Nats.doctor(options)).map((finding) => ({
          ...finding,
          remedy: finding.remedy.replace("monitorUrl", "NATS_MONITOR_URL")
        }))
        return { facts: { backend: "NATS", address: where, server, "server name": name, prefix: store }, findings }
      }).pipe(Effect.mapError(inWords(where)))
    } satisfies Backend
  })
