// jetstream: the calls of JetStream that the services make, as effects: streams, messages by number and by subject, publishing.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Headers, Incoming, NatsClient } from "../NatsClient.ts"
import { ApiError, RequestFailed, StreamUnusable } from "../NatsError.ts"

export type Failure = ApiError | RequestFailed

/** A message as it is stored. */
export interface StoredMessage {
  readonly subject: string
  readonly sequence: number
  /** When the server stored it, as the server writes it: to the nanosecond. */
  readonly time: string
  readonly text: () => string
  readonly header: (name: string) => string | undefined
}

/** What the server answers to a message that was stored; `duplicate` where it knew the message's id already. */
export interface Acknowledged {
  readonly sequence: number
  readonly duplicate: boolean
}

export interface StreamConfig {
  readonly name: string
  readonly subjects: ReadonlyArray<string>
  readonly num_replicas: number
  readonly storage: "file" | "memory"
  readonly [setting: string]: unknown
}

export interface StreamInfo {
  readonly config: StreamConfig
  readonly created: string
  readonly state: {
    readonly messages: number
    readonly first_seq: number
    readonly last_seq: number
    readonly bytes: number
    /** How many messages each subject has, where that was asked for. */
    readonly subjects?: Readonly<Record<string, number>>
  }
  readonly cluster?: { readonly leader?: string }
}

/** What was expected of the last message of a subject was not so: another one is the last. */
export const isWrongLast = (error: Failure): boolean =>
  error._tag === "ApiError" && (error.number === 10071 || error.number === 10164)

const subjectsAtATime = 100_000

const notFound = (error: Failure): boolean =>
  error._tag === "ApiError" && (error.number === 10037 || (error.code === 404 && error.number !== 10059))

// An election takes seconds; nobody is told of it.
const patience = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("200 millis")]).pipe(
  Schedule.upTo({ duration: "12 seconds" })
)

// A full stream has room again when somebody makes some, and not within seconds.
const comesBack = (error: Failure): boolean =>
  error.isRetryable && !(error._tag === "ApiError" && error.number === 10077)

/** Does it again while the server is without a leader or busy, for some seconds; `TimedOut` too, as it may be repeated. */
export const patiently = <A, R>(effect: Effect.Effect<A, Failure, R>): Effect.Effect<A, Failure, R> =>
  // A schedule is set up only where it is needed: it costs more than the call.
  Effect.catchIf(effect, comesBack, () => Effect.retry(effect, { while: comesBack, schedule: patience }))

interface WithError {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string }
}

const answerOf = <A>(subject: string, message: Incoming): Effect.Effect<A, Failure> => {
  const failed = (code: number, number: number, problem: string) =>
    Effect.fail(new ApiError({ subject, code, number, problem }))
  if (message.status >= 300) return failed(message.status, 0, message.description)
  // What JetStream answers is JSON; anything else is not from JetStream.
  let answer: A & WithError
  try {
    answer = JSON.parse(message.text()) as A & WithError
  } catch {
    return Effect.fail(new RequestFailed({ subject, why: "TimedOut", problem: "the answer is not JetStream's" }))
  }
  const { error } = answer
  return error === undefined
    ? Effect.succeed(answer)
    : failed(error.code, error.err_code ?? 0, error.description ?? "no reason given")
}

const parseHeaders = (encoded: string | undefined): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  if (encoded === undefined) return found
  for (const line of Buffer.from(encoded, "base64").toString("utf8").split("\r\n").slice(1)) {
    const colon = line.indexOf(":")
    if (colon > 0) found.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return found
}

interface GotMessage {
  readonly message: {
    readonly subject: string
    readonly seq: number
    readonly time: string
    readonly data?: string
    readonly hdrs?: string
  }
}

const storedOf = ({ message: { data, hdrs, seq, subject, time } }: GotMessage): StoredMessage => {
  const headers = parseHeaders(hdrs)
  return {
    subject,
    sequence: seq,
    time,
    text: () => Buffer.from(data ?? "", "base64").toString("utf8"),
    header: (name) => headers.get(name)
  }
}

/** A message that came by a direct get. */
const directOf = (message: Incoming): StoredMessage => ({
  subject: message.header("Nats-Subject") ?? "",
  sequence: Number(message.header("Nats-Sequence")),
  time: message.header("Nats-Time-Stamp") ?? "",
  text: message.text,
  header: message.header
})

// A cluster of 2.10 calls a message that it is still storing a duplicate of number 0; the newest says it like this.
const inProcess = (subject: string): ApiError =>
  new ApiError({ subject, code: 409, number: 10158, problem: "duplicate message id is in process" })

/** The calls, over a connection. Whatever decides something asks the leader; `direct` may be answered by a follower. */
export const make = (client: NatsClient["Service"]) => {
  const call = <A>(subject: string, body: unknown): Effect.Effect<A, Failure> => {
    const text = body === undefined ? "" : JSON.stringify(body)
    return Effect.flatMap(client.request(subject, text), (message) => answerOf<A>(subject, message))
  }

  const api = <A>(operation: string, body?: unknown): Effect.Effect<A, Failure> => call(`$JS.API.${operation}`, body)

  const message = (stream: string, body: unknown): Effect.Effect<StoredMessage | undefined, Failure> =>
    patiently(api<GotMessage>(`STREAM.MSG.GET.${stream}`, body)).pipe(
      Effect.map(storedOf),
      Effect.catchIf(notFound, () => Effect.undefined)
    )

  const info = (stream: string): Effect.Effect<StreamInfo | undefined, Failure> =>
    patiently(api<StreamInfo>(`STREAM.INFO.${stream}`)).pipe(
      Effect.catchIf(
        (error) => error._tag === "ApiError" && error.number === 10059,
        () => Effect.undefined
      )
    )

  return {
    client,
    api,
    info,
    /** Makes a stream unless it is there; gives it as it is then. */
    ensure: (config: StreamConfig): Effect.Effect<StreamInfo, StreamUnusable | Failure> =>
      Effect.flatMap(info(config.name), (found) =>
        found === undefined
          ? patiently(api<StreamInfo>(`STREAM.CREATE.${config.name}`, config)).pipe(
              // Another process was faster, and may have asked for something else.
              Effect.catchIf(
                (error) => error._tag === "ApiError" && error.number === 10058,
                () =>
                  Effect.flatMap(info(config.name), (there) =>
                    there === undefined
                      ? Effect.fail(new StreamUnusable({ stream: config.name, problem: "it came and went" }))
                      : Effect.succeed(there)
                  )
              )
            )
          : Effect.succeed(found)
      ),
    /** The subjects of a stream's messages that match one with wildcards. */
    subjects: (stream: string, filter: string): Effect.Effect<ReadonlyArray<string>, Failure> =>
      Effect.gen(function* () {
        const found = new Set<string>()
        // The server gives so many of them at a time.
        while (true) {
          const body = { subjects_filter: filter, offset: found.size }
          const { state } = yield* patiently(api<StreamInfo>(`STREAM.INFO.${stream}`, body))
          const before = found.size
          for (const subject of Object.keys(state.subjects ?? {})) found.add(subject)
          if (found.size === before || found.size < subjectsAtATime) return [...found]
        }
      }),
    /** The last message of a subject, which may have wildcards. */
    last: (stream: string, subject: string) => message(stream, { last_by_subj: subject }),
    /** The first message of a subject from a number on. */
    next: (stream: string, subject: string, sequence: number) =>
      message(stream, { seq: sequence, next_by_subj: subject }),
    get: (stream: string, sequence: number) => message(stream, { seq: sequence }),
    /** A message whose number is known, from whichever server is near; where that has not got it yet, from the leader. */
    direct: (stream: string, sequence: number): Effect.Effect<StoredMessage | undefined, Failure> =>
      Effect.flatMap(
        Effect.catchIf(
          client.request(`$JS.API.DIRECT.GET.${stream}`, `{"seq":${sequence}}`),
          (error) => error.why !== "Closed" && error.why !== "Unsendable",
          () => Effect.undefined
        ),
        (answer) =>
          answer === undefined || answer.status >= 300
            ? message(stream, { seq: sequence })
            : Effect.succeed(directOf(answer))
      ),
    /**
     * Publishes a message to a stream, once: where no answer comes, nobody knows whether it was stored. With `expectedLast`
     * it is stored only if that is the number of the subject's last message, 0 for none.
     */
    publish: (
      subject: string,
      body: string | Uint8Array,
      headers: Headers,
      expectedLast?: number
    ): Effect.Effect<Acknowledged, Failure> =>
      Effect.flatMap(
        client.request(subject, body, {
          headers:
            expectedLast === undefined
              ? headers
              : [...headers, ["Nats-Expected-Last-Subject-Sequence", String(expectedLast)]]
        }),
        (answer) =>
          Effect.flatMap(
            answerOf<{ readonly seq: number; readonly duplicate?: boolean }>(subject, answer),
            ({ duplicate = false, seq }) =>
              duplicate && seq === 0 ? Effect.fail(inProcess(subject)) : Effect.succeed({ sequence: seq, duplicate })
          )
      ),
    /** Removes the messages of a subject below a number, or all of them. */
    purge: (stream: string, subject: string, below?: number): Effect.Effect<void, Failure> =>
      Effect.asVoid(
        patiently(api(`STREAM.PURGE.${stream}`, { filter: subject, ...(below === undefined ? {} : { seq: below }) }))
      )
  }
}

export type JetStream = ReturnType<typeof make>
