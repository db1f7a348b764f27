// A client of the raw protocol, a few lines long, so that these tests need no other package.
import { connect } from "node:net"
import * as Effect from "effect/Effect"

/** A connection that sends one request after another. */
export interface Client {
  /** Sends a request and gives the body of its first answer, decoded from JSON. */
  readonly request: (subject: string, body?: object | string) => Effect.Effect<Record<string, unknown>, string>
}

/** Connects to a server; the connection ends with the scope. */
export const client = (port: number, login: object = {}) =>
  Effect.acquireRelease(open(port, login), ({ close }) => Effect.sync(close))

const open = (port: number, login: object) =>
  Effect.callback<Client & { readonly close: () => void }, string>((resume) => {
    const socket = connect({ port, host: "127.0.0.1" })
    const inbox = `_INBOX.${Math.random().toString(36).slice(2)}`
    let text = ""
    let answered: (answer: Effect.Effect<Record<string, unknown>, string>) => void = () => undefined
    const request: Client["request"] = (subject, body = "") =>
      Effect.callback<Record<string, unknown>, string>((done) => {
        answered = done
        const payload = typeof body === "string" ? body : JSON.stringify(body)
        socket.write(`PUB ${subject} ${inbox} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`)
        const timer = setTimeout(() => done(Effect.fail(`${subject}: no answer`)), 5000)
        return Effect.sync(() => clearTimeout(timer))
      })
    // Latin 1: one character a byte, so that sizes are lengths.
    const failed = (problem: string) => {
      answered(Effect.fail(problem))
      resume(Effect.fail(problem))
    }
    socket.on("error", (cause) => failed(cause.message))
    socket.on("close", () => failed("the server closed the connection"))
    socket.on("data", (data) => {
      text += data.toString("latin1")
      for (;;) {
        const end = text.indexOf("\r\n")
        if (end < 0) return
        const line = text.slice(0, end)
        const size = line.startsWith("MSG ") ? Number(line.split(" ").at(-1)) + 2 : 0
        if (text.length < end + 2 + size) return
        const body = text.slice(end + 2, end + size)
        text = text.slice(end + 2 + size)
        if (line === "PING") socket.write("PONG\r\n")
        if (line === "PONG") resume(Effect.succeed({ request, close: () => socket.destroy() }))
        if (line.startsWith("-ERR")) failed(line)
        if (size > 0) answered(Effect.sync(() => JSON.parse(Buffer.from(body, "latin1").toString("utf8"))))
      }
    })
    socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...login })}\r\nSUB ${inbox} 1\r\nPING\r\n`)
  })

/** Makes a stream for the subject of its name. */
export const createStream = (port: number, name: string, replicas = 1) =>
  Effect.scoped(
    Effect.flatMap(client(port), ({ request }) =>
      request(`$JS.API.STREAM.CREATE.${name}`, {
        name,
        subjects: [name],
        storage: "file",
        retention: "limits",
        num_replicas: replicas
      })
    )
  )

/** Stores a message; its sequence, or a failure that says what the server answered. */
export const store = (port: number, stream: string, body: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { request } = yield* client(port)
      const answer = yield* request(stream, body)
      return typeof answer["seq"] === "number" ? answer["seq"] : yield* Effect.fail(JSON.stringify(answer))
    })
  )

/** The body of a stored message. */
export const stored = (port: number, stream: string, seq: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { request } = yield* client(port)
      const answer = yield* request(`$JS.API.STREAM.MSG.GET.${stream}`, { seq })
      const { message } = answer
      if (typeof message !== "object" || message === null || !("data" in message) || typeof message.data !== "string") {
        return yield* Effect.fail(JSON.stringify(answer))
      }
      return Buffer.from(message.data, "base64").toString("utf8")
    })
  )
