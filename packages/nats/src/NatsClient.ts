// NatsClient: one connection to NATS as a scoped service; the only file that knows the types of nats.js.
import {
  connect,
  createInbox,
  credsAuthenticator,
  headers as newHeaders,
  jwtAuthenticator,
  nkeyAuthenticator,
  PermissionViolationError
} from "@nats-io/transport-node"
import type {
  Authenticator,
  Msg,
  MsgHdrs,
  NatsConnection,
  NodeConnectionOptions,
  TlsOptions
} from "@nats-io/transport-node"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { readFile } from "node:fs/promises"
import type { Headers, Incoming } from "./internal/incoming.ts"
import * as requests from "./internal/requests.ts"
import { ConnectFailed, RequestFailed } from "./NatsError.ts"

export type { Headers, Incoming }

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
    /** `publish` at once, for those who are called by messages; what cannot be sent is lost. */
    readonly publishUnsafe: (subject: string, body: string, reply: string) => void
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

const valuesOf = ({ headers }: Msg): Map<string, string> => {
  const values = new Map<string, string>()
  for (const [name, [value = ""]] of headers ?? []) values.set(name, value)
  return values
}

// Headers are decoded when they are looked at: most are not. A class, since as a literal with getters it costs more than the
// message itself; whoever takes `text` or `header` apart from it finds them bound.
class Received implements Incoming {
  readonly #message: Msg
  #values: Map<string, string> | undefined
  readonly text = (): string => this.#message.string()
  // Whoever looks at one looks at several, and nats.js searches all of them each time.
  readonly header = (name: string): string | undefined => (this.#values ??= valuesOf(this.#message)).get(name)
  constructor(message: Msg) {
    this.#message = message
  }
  get subject(): string {
    return this.#message.subject
  }
  get reply(): string | undefined {
    return this.#message.reply
  }
  get isEmpty(): boolean {
    return this.#message.data.length === 0
  }
  get size(): number {
    return this.#message.data.length
  }
  get status(): number {
    return this.#message.headers?.code ?? 0
  }
  get description(): string {
    return this.#message.headers?.description ?? ""
  }
}

const outgoing = (headers: Headers | undefined): MsgHdrs | undefined => {
  if (headers === undefined || headers.length === 0) return undefined
  const made = newHeaders()
  for (const [name, value] of headers) made.append(name, value)
  return made
}

const describe = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** What nats.js throws where something cannot be sent, as a fact. */
const failureOf = (subject: string, thrown: unknown): RequestFailed => {
  const name = thrown instanceof Error ? thrown.name : ""
  return name === "ClosedConnectionError" || name === "DrainingConnectionError"
    ? new RequestFailed({ subject, why: "Closed", problem: "the connection is closed" })
    : new RequestFailed({ subject, why: "Unsendable", problem: describe(thrown) })
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

const tlsOf = ({ ca, cert, handshakeFirst, key }: NonNullable<Options["tls"]>): TlsOptions => ({
  ...(ca === undefined ? {} : { caFile: ca }),
  ...(cert === undefined ? {} : { certFile: cert }),
  ...(key === undefined ? {} : { keyFile: key }),
  ...(handshakeFirst === undefined ? {} : { handshakeFirst })
})

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
    ...(tls === undefined ? {} : { tls: tlsOf(tls) })
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
    const answers = requests.make(createInbox(options.inboxPrefix))
    connection.subscribe(answers.subject, {
      callback: (error, message) => {
        if (error === null) answers.take(new Received(message))
      }
    })
    const reconnected = new Set<() => void>()
    const follow = async (): Promise<void> => {
      for await (const status of connection.status()) {
        if (status.type === "reconnect") {
          answers.lose("the connection broke while the answer was waited for")
          for (const take of reconnected) take()
        }
        const refused =
          status.type === "error" && status.error instanceof PermissionViolationError ? status.error : undefined
        if (refused?.operation === "publish") answers.refuse(refused.subject, refused.message)
      }
      answers.close()
    }
    void follow()

    return NatsClient.of({
      server: Effect.sync(() => ({
        version: connection.info?.version ?? "0.0.0",
        name: connection.info?.server_name ?? "",
        maxPayload: connection.info?.max_payload ?? 1024 * 1024
      })),
      newInbox: () => createInbox(options.inboxPrefix),
      request: (subject, body, given) => {
        const limit =
          given?.timeout === undefined ? timeout : Duration.toMillis(Duration.fromInputUnsafe(given.timeout))
        const headers = outgoing(given?.headers)
        return answers.ask(
          subject,
          limit,
          (reply) => connection.publish(subject, body, headers === undefined ? { reply } : { reply, headers }),
          (thrown) => failureOf(subject, thrown)
        )
      },
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
      publishUnsafe: (subject, body, reply) => {
        if (!connection.isClosed() && !connection.isDraining()) connection.publish(subject, body, { reply })
      },
      subscribe: (subject, take, refused) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.try({
              try: () =>
                connection.subscribe(subject, {
                  callback: (error, message) => {
                    if (error === null) take(new Received(message))
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
