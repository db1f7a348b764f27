// What a server says of itself: the first line on its port, and its monitoring pages.
import { get } from "node:http"
import { connect } from "node:net"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Info = Schema.Struct({
  server_name: Schema.String,
  version: Schema.String,
  jetstream: Schema.optionalKey(Schema.Boolean)
})
export type Info = typeof Info.Type
const decodeInfo = Schema.decodeUnknownOption(Schema.fromJsonString(Info))

// A paused server takes connections and says nothing.
const patienceMillis = 1000

/** The INFO line that a server greets its clients with; undefined when there is none. */
export const info = (port: number): Effect.Effect<Info | undefined> =>
  Effect.callback((resume) => {
    let text = ""
    const socket = connect({ port, host: "127.0.0.1" })
    const done = (found: Info | undefined) => {
      socket.destroy()
      resume(Effect.succeed(found))
    }
    socket.setTimeout(patienceMillis, () => done(undefined))
    socket.on("error", () => done(undefined))
    socket.on("close", () => done(undefined))
    socket.on("data", (data: Buffer) => {
      text += data.toString("utf8")
      if (text.includes("\r\n")) done(Option.getOrUndefined(decodeInfo(text.slice("INFO ".length))))
    })
    return Effect.sync(() => socket.destroy())
  })

/** What a monitoring page answers; undefined when it does not, or says that something is wrong. */
export const page = (url: string): Effect.Effect<unknown> =>
  Effect.callback((resume) => {
    const none = () => resume(Effect.void)
    const request = get(url, { agent: false, timeout: patienceMillis }, (response) => {
      let text = ""
      response.on("data", (data: Buffer) => (text += data.toString("utf8")))
      response.on("error", none)
      response.on("end", () => (response.statusCode === 200 ? resume(Effect.succeed(parsed(text))) : none()))
    })
    request.on("timeout", () => request.destroy())
    request.on("error", none)
    request.on("close", none)
    return Effect.sync(() => request.destroy())
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether the server says that all it stores is ready for use. */
export const isHealthy = (monitorUrl: string): Effect.Effect<boolean> =>
  Effect.map(page(`${monitorUrl}/healthz`), (answer) => answer !== undefined)

const Peer = Schema.Struct({
  name: Schema.String,
  current: Schema.optionalKey(Schema.Boolean),
  offline: Schema.optionalKey(Schema.Boolean)
})
const Peers = Schema.Struct({
  leader: Schema.optionalKey(Schema.String),
  replicas: Schema.optionalKey(Schema.NullOr(Schema.Array(Peer)))
})
const Jsz = Schema.Struct({
  meta_cluster: Schema.optionalKey(Peers),
  account_details: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        name: Schema.String,
        stream_detail: Schema.optionalKey(
          Schema.Array(Schema.Struct({ name: Schema.String, cluster: Schema.optionalKey(Peers) }))
        )
      })
    )
  )
})
const decodeJsz = Schema.decodeUnknownOption(Jsz)

/** What a server knows of who leads JetStream, and of those who follow if it does so itself. */
export interface Meta {
  readonly leader: string | undefined
  /** The followers that are up to date, by the leader's own word; names that it does not know yet are not among them. */
  readonly current: ReadonlyArray<string>
}

/** Who leads JetStream, by the word of this server. */
export const meta = (monitorUrl: string): Effect.Effect<Meta> =>
  Effect.map(page(`${monitorUrl}/jsz`), (answer) => {
    const found = Option.getOrUndefined(decodeJsz(answer))?.meta_cluster
    const current = (found?.replicas ?? []).filter((peer) => peer.current === true && peer.offline !== true)
    return { leader: found?.leader || undefined, current: current.map(({ name }) => name) }
  })

/** The name of the server that this one takes for the leader of a stream; undefined when it knows of none. */
export const streamLeader = (monitorUrl: string, stream: string, account: string): Effect.Effect<string | undefined> =>
  Effect.map(page(`${monitorUrl}/jsz?accounts=true&streams=true&limit=100000`), (answer) => {
    const { account_details = [] } = Option.getOrElse(decodeJsz(answer), (): typeof Jsz.Type => ({}))
    const streams = account_details.find(({ name }) => name === account)?.stream_detail ?? []
    return streams.find(({ name }) => name === stream)?.cluster?.leader || undefined
  })
