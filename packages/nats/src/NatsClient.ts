// NatsClient: one connection to NATS as a scoped service; the only file that knows the types of nats.js.
import {
  connect,
  createInbox,
  credsAuthenticator,
  headers as newHeaders,
  jwtAuthenticator,
  nkeyAuthenticator,
  PermissionViolationError,
  RequestError,
  TimeoutError
} from "@nats-io/transport-node"
import type { Authenticator, Msg, MsgHdrs, NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { readFile } from "node:fs/promises"
import { ConnectFailed, RequestFailed } from "./NatsError.ts"

/** How to connect. One way to say who one is, or none. */
export interface Options {
  /** One or several addresses of one cluster, with commas between them or as a list: "nats://127.0.0.1:4222". */
  readonly servers: string | ReadonlyArray<string>
  /** The name under which the server lists this connection. */
  readonly name?: string
  readonly user?: string
  readonly password?: Redacted.Redacted
  readonly token?: Redacted.Redacted
  /** The path of a credentials file, or its content. */
  readonly credentials?: string | Redacted.Redacted
  /** The seed of an nkey. */
  readonly nkey?: Redacted.Redacted
  /** A JWT, signed by the seed in `nkey`. */
  readonly jwt?: Redacted.Redacted
  /** Paths of PEM files; an empty record asks for TLS with the system's authorities. */
  readonly tls?: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly handshakeFirst?: boolean
  }
  /** What reply subjects begin with: one of one's own where users are not to see each other's replies. */
  readonly inboxPrefix?: string
  /** How long a request may take until nobody knows whether it was carried out; 3 seconds unless given. */
  readonly requestTimeout?: Duration.Input
}

/** A message as it came in. */
export interface Incoming {
  readonly subject: string
  readonly reply: string | undefined
  readonly data: Uint8Array
  readonly text: () => string
  /** The value of a header, by its exact name. */
  readonly header: (name: string) => string | undefined
  /** The status of a message of the server itself (404, 408, 503…); 0 for others. */
  readonly status: number
  readonly description: string
}

export type Headers = ReadonlyArray<readonly [name: string, value: string]>

/** What the server says of itself. */
export interface Server {
  readonly version: string
  readonly name: string
  /** How many bytes a message may have, headers included. */
  readonly maxPayload: number
}

/**
 * A connection to NATS: what everything else here is made of.
 *
 * It connects again by itself, for as long as it takes; what was on its way then fails as "TimedOut".
 */
export class NatsClient extends Context.Service<
  NatsClient,
  {
    readonly server: Effect.Effect<Server>
    readonly newInbox: () => string
    /** Sends a request and waits for its answer. */
    readonly request: (
      subject: string,
      body?: string | Uint8Array,
      options?: { readonly headers?: Headers; readonly timeout?: Duration.Input }
    ) => Effect.Effect<Incoming, RequestFailed>
    /** Sends a message and forgets it. */
    readonly publish: (
      subject: string,
      body?: string | Uint8Array,
      options?: { readonly headers?: Headers; readonly reply?: string }
    ) => Effect.Effect<void, RequestFailed>
    /** Has a function called with each message of a subject, as long as the scope is open. */
    readonly subscribe: (
      subject: string,
      take: (message: Incoming) => void,
      refused?: (problem: string) => void
    ) => Effect.Effect<void, RequestFailed, Scope.Scope>
    /** Has a function called each time the connection is there again. */
    readonly onReconnect: (take: () => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@evolvent/nats/NatsClient") {}

const incoming = (message: Msg): Incoming => {
  const { headers } = message
  return {
    subject: message.subject,
    reply: message.reply,
    data: message.data,
    text: () => message.string(),
    header: (name) => (headers?.has(name) === true ? headers.get(name) : undefined),
    status: headers?.code ?? 0,
    description: headers?.description ?? ""
  }
}

const outgoing = (headers: Headers | undefined): MsgHdrs | undefined => {
  if (headers === undefined || headers.length === 0) return undefined
  const made = newHeaders()
  for (const [name, value] of headers) made.append(name, value)
  return made
}

const describe = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** What nats.js throws, as a fact. */
const failureOf = (subject: string, thrown: unknown): RequestFailed => {
  const failed = (why: RequestFailed["why"], problem: string) => new RequestFailed({ subject, why, problem })
  if (thrown instanceof TimeoutError) return failed("TimedOut", "no answer in time")
  if (thrown instanceof RequestError) {
    if (thrown.isNoResponders()) return failed("NoResponders", "nobody answers there now")
    if (thrown.cause instanceof PermissionViolationError) return failed("Refused", thrown.cause.message)
    return thrown.message.toLowerCase().includes("permissions violation")
      ? failed("Refused", thrown.message)
      : failed("TimedOut", thrown.message)
  }
  if (thrown instanceof PermissionViolationError) return failed("Refused", thrown.message)
  if (thrown instanceof Error) {
    if (thrown.name === "InvalidArgumentError" || thrown.name === "InvalidSubjectError") {
      return failed("Unsendable", thrown.message)
    }
    if (thrown.name === "ClosedConnectionError" || thrown.name === "DrainingConnectionError") {
      return failed("Closed", "the connection is closed")
    }
  }
  // A connection that broke in the middle: the request may have arrived.
  return failed("TimedOut", describe(thrown))
}

const authenticatorOf = async (options: Options): Promise<Authenticator | undefined> => {
  const bytes = (secret: Redacted.Redacted) => new TextEncoder().encode(Redacted.value(secret))
  const { credentials, jwt, nkey } = options
  if (credentials !== undefined) {
    return credsAuthenticator(typeof credentials === "string" ? await readFile(credentials) : bytes(credentials))
  }
  if (jwt !== undefined) return jwtAuthenticator(Redacted.value(jwt), nkey === undefined ? undefined : bytes(nkey))
  return nkey === undefined ? undefined : nkeyAuthenticator(bytes(nkey))
}

const serversOf = ({ servers }: Options): Array<string> =>
  (typeof servers === "string" ? servers.split(",") : [...servers]).map((one) => one.trim())

const connectionOf = async (options: Options): Promise<NatsConnection> => {
  const { inboxPrefix, name, password, tls, token, user } = options
  const authenticator = await authenticatorOf(options)
  const given: NodeConnectionOptions = {
    servers: serversOf(options),
    name: name ?? "evolvent",
    // A server that is gone comes back: whoever waits for it decides how long.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    timeout: 10_000,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: Redacted.value(password) }),
    ...(token === undefined ? {} : { token: Redacted.value(token) }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { caFile: tls.ca }),
            ...(tls.cert === undefined ? {} : { certFile: tls.cert }),
            ...(tls.key === undefined ? {} : { keyFile: tls.key }),
            ...(tls.handshakeFirst === undefined ? {} : { handshakeFirst: tls.handshakeFirst })
          }
        })
  }
  return connect(given)
}

/** A connection, closed with the scope. */
export const make = (options: Options): Effect.Effect<NatsClient["Service"], ConnectFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => connectionOf(options),
        catch: (cause) => new ConnectFailed({ servers: serversOf(options), problem: describe(cause), cause })
      }),
      (open) => Effect.ignore(Effect.promise(() => open.close()))
    )
    const timeout = Duration.toMillis(Duration.fromInputUnsafe(options.requestTimeout ?? "3 seconds"))
    const reconnected = new Set<() => void>()
    const follow = async (): Promise<void> => {
      for await (const { type } of connection.status()) if (type === "reconnect") for (const take of reconnected) take()
    }
    void follow()

    return NatsClient.of({
      server: Effect.sync(() => ({
        version: connection.info?.version ?? "0.0.0",
        name: connection.info?.server_name ?? "",
        maxPayload: connection.info?.max_payload ?? 1024 * 1024
      })),
      newInbox: () => createInbox(options.inboxPrefix),
      request: (subject, body, given) =>
        Effect.callback((resume) => {
          const sent = outgoing(given?.headers)
          const limit =
            given?.timeout === undefined ? timeout : Duration.toMillis(Duration.fromInputUnsafe(given.timeout))
          connection.request(subject, body, { timeout: limit, ...(sent === undefined ? {} : { headers: sent }) }).then(
            (message) => resume(Effect.succeed(incoming(message))),
            (thrown: unknown) => resume(Effect.fail(failureOf(subject, thrown)))
          )
        }),
      publish: (subject, body, given) =>
        Effect.suspend(() => {
          const sent = outgoing(given?.headers)
          try {
            connection.publish(subject, body, {
              ...(sent === undefined ? {} : { headers: sent }),
              ...(given?.reply === undefined ? {} : { reply: given.reply })
            })
            return Effect.void
          } catch (thrown) {
            return Effect.fail(failureOf(subject, thrown))
          }
        }),
      subscribe: (subject, take, refused) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.try({
              try: () =>
                connection.subscribe(subject, {
                  callback: (error, message) => {
                    if (error === null) take(incoming(message))
                    else refused?.(describe(error))
                  }
                }),
              catch: (thrown) => failureOf(subject, thrown)
            }),
            (subscription) => Effect.sync(() => subscription.unsubscribe())
          )
        ),
      onReconnect: (take) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.sync(() => reconnected.add(take)),
            () => Effect.sync(() => reconnected.delete(take))
          )
        )
    })
  })

/** A connection as a layer. */
export const layer = (options: Options): Layer.Layer<NatsClient, ConnectFailed> =>
  Layer.effect(NatsClient, make(options))
