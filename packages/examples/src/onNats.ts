// onNats: an example's services on the NATS server of NATS_URL, or on a server of its own.
import * as Nats from "@evolvent/nats/Nats"
import * as NatsClient from "@evolvent/nats/NatsClient"
import { ConnectFailed } from "@evolvent/nats/NatsError"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { NatsServerError } from "@evolvent/nats-server/NatsServerError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type { Bus } from "evolvent/Bus"
import type * as Memory from "evolvent/Memory"
import { StorageUnusable } from "./storageUnusable.ts"

/** A folder for a server of its own, or the address of somebody's. */
export type Place =
  | { readonly _tag: "Folder"; readonly folder: string }
  | { readonly _tag: "Server"; readonly url: Redacted.Redacted }

/** What the names of an example's streams begin with. Without "_", so that no example's begin like another's. */
export const prefixOf = (name: string): string => `evolvent-${name.replaceAll("_", "-")}`

/** What stands in an address; what is no such text was not written as one. */
const plainOf = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** An address as nats.js takes it: who one is stands beside it, and not in messages. */
export const optionsOf = (url: Redacted.Redacted): NatsClient.Options => {
  const servers = Redacted.value(url).split(",")
  const parsed = servers.map((one) => one.trim()).map((one) => /^([a-z]+:\/\/)?(?:([^@]*)@)?(.*)$/.exec(one) ?? [])
  const [name = "", ...secret] = (parsed.find(([, , who]) => who !== undefined)?.[2] ?? "").split(":")
  const who = plainOf(name)
  const password = Redacted.make(plainOf(secret.join(":")))
  return {
    servers: parsed.map(([, scheme = "", , host = ""]) => `${scheme}${host}`),
    ...(name === "" ? {} : secret.length > 0 ? { user: who, password } : { token: Redacted.make(who) })
  }
}

const clientOf = (place: Place): Layer.Layer<NatsClient.NatsClient, ConnectFailed | NatsServerError> =>
  place._tag === "Server"
    ? NatsClient.layer(optionsOf(place.url))
    : Layer.unwrap(NatsServer.NatsServer.use(({ url }) => Effect.succeed(NatsClient.layer({ servers: url })))).pipe(
        Layer.provide(NatsServer.layer({ directory: place.folder }))
      )

/** What JetStream answers to a question for names, and to a deletion. */
const Answer = Schema.fromJsonString(
  Schema.Struct({
    total: Schema.optionalKey(Schema.Int),
    streams: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String))),
    error: Schema.optionalKey(Schema.Struct({ description: Schema.String }))
  })
)

const decode = Schema.decodeEffect(Answer)

const ask = Effect.fnUntraced(function* (operation: string, body: object) {
  const client = yield* NatsClient.NatsClient
  const message = yield* client.request(`$JS.API.${operation}`, JSON.stringify(body))
  const answer = yield* decode(message.text())
  const problem = answer.error?.description
  if (problem === undefined) return answer
  return yield* new StorageUnusable({ problem: `JetStream refused ${operation}: ${problem}`, cause: answer.error })
})

/** Deletes an example's own streams and buckets. */
const forget = Effect.fnUntraced(function* (prefix: string) {
  const names: Array<string> = []
  while (true) {
    const { streams, total = 0 } = yield* ask("STREAM.NAMES", { offset: names.length })
    names.push(...(streams ?? []))
    if ((streams ?? []).length === 0 || names.length >= total) break
  }
  const own = names.filter((name) => name.startsWith(`${prefix}_`) || name.startsWith(`KV_${prefix}_`))
  yield* Effect.forEach(own, (name) => ask(`STREAM.DELETE.${name}`, {}), { discard: true })
})

// What the settings of a server can lose is logged when it is known; standard output is for reports.
const logs = Layer.mergeAll(
  Layer.succeed(Logger.LogToStderr, true),
  Layer.succeed(References.MinimumLogLevel, "Warn" as const)
)

const orUnusable =
  (inWords: (error: Error) => string) =>
  <A, R>(layer: Layer.Layer<A, Error, R>): Layer.Layer<A, StorageUnusable, R> =>
    layer.pipe(
      Layer.provide(logs),
      Layer.catch((cause) => Layer.effectContext(Effect.fail(new StorageUnusable({ problem: inWords(cause), cause }))))
    )

/** The services on an example's own streams, which are deleted first where it is to begin anew. */
export const layer = (name: string, place: Place, fresh: boolean): Layer.Layer<Memory.Services, StorageUnusable> => {
  const prefix = prefixOf(name)
  return Nats.layerFrom({ prefix }).pipe(
    Layer.provide(Layer.effectDiscard(fresh ? forget(prefix) : Effect.void)),
    Layer.provide(clientOf(place)),
    orUnusable((error) => inWords(place, error))
  )
}

/** The bus of an example alone, on the server of an address. */
export const busLayer = (name: string, url: Redacted.Redacted): Layer.Layer<Bus, StorageUnusable> =>
  Nats.layerBus({ ...optionsOf(url), prefix: prefixOf(name) }).pipe(
    orUnusable(
      (error) =>
        `The bus cannot be used: ${detailOf(error)}. Start a server there (nats-server -js), or name one by NATS_URL ` +
        `(nats://user:password@host:4222).`
    )
  )

/** What is wrong with a server that is not our own. */
const detailOf = (error: Error): string =>
  error instanceof ConnectFailed ? `${error.problem} (${error.servers.join(", ")})` : error.message.replace(/\.$/, "")

const inWords = (place: Place, error: Error): string => {
  // The library speaks of its option; here it is a flag.
  if (error instanceof NatsServerError) return error.reason.message.replaceAll(/\bdirectory\b/g, "--data-dir")
  if (place._tag !== "Server") return error.message
  return (
    `The NATS server that NATS_URL names cannot be used: ${detailOf(error)}. Correct the variable ` +
    `(nats://user:password@host:4222), or unset it: then a server of its own is started.`
  )
}
