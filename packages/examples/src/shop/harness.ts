// harness: a database for instances of the shop, and ways to ask these until they have come to an end; for the shop's tests.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import { Context, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { EventFilter, EventStore } from "evolvent"
import * as OnPostgres from "../onPostgres.ts"
import { freePort } from "../relay/processes.ts"
import * as Client from "./client.ts"
import * as Instances from "./instances.ts"
import { linesOf } from "./lines.ts"

/** The PostgreSQL that instances share; whoever is killed, it lives. */
export class Database extends Context.Service<Database, EmbeddedPostgres.Server>()("test/Database") {
  static readonly layer = Layer.effect(
    Database,
    Effect.flatMap(freePort, (port) => EmbeddedPostgres.start({ port, settings: { fsync: "off" } }))
  )
}

/** Starts an instance on it. */
export const instance = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { url } = yield* Database
  return yield* Instances.start(yield* freePort, { DATABASE_URL: Redacted.value(url), NATS_URL: "" }, args)
})

/** The curl lines of the README. */
export const readme = linesOf(readFileSync(join(import.meta.dirname, "README.md"), "utf8"))
/** The first of them: what is done, before what is asked. */
export const commands = readme.slice(0, 6).map(Client.parse)

const json = { "content-type": "application/json" }
/** A POST of a body, as JSON unless it is text. */
export const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Client.Line => {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return { method: "POST", path, headers: { ...json, ...headers }, body: text }
}
/** A GET. */
export const get = (path: string, headers: Readonly<Record<string, string>> = {}): Client.Line => ({
  method: "GET",
  path,
  headers,
  body: undefined
})

const Row = Schema.StructWithRest(Schema.Struct({ id: Schema.String }), [Schema.Record(Schema.String, Schema.Unknown)])
const Processors = Schema.Array(Schema.Struct({ instances: Schema.Int, stopped: Schema.NullOr(Schema.String) }))

/** What answers are made of, as far as tests look into them one by one. */
const Body = Schema.StructWithRest(
  Schema.Struct({
    rows: Schema.optionalKey(Schema.Array(Row)),
    next: Schema.optionalKey(Schema.NullOr(Schema.String)),
    processors: Schema.optionalKey(Processors)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

const decode = Schema.decodeEffect(Schema.fromJsonString(Body))

/** Sends a line, and gives what was answered; the body is empty where it is no JSON. */
export const ask = Effect.fnUntraced(function* (to: Instances.Instance, line: Client.Line) {
  const answer = yield* Effect.promise(() => Client.send(to.port, line))
  return { ...answer, body: yield* decode(answer.type.includes("json") ? answer.text : "{}") }
})

/** Asks again until it is answered so. */
export const until = <A, E, R>(effect: Effect.Effect<A, E, R>, is: (a: A) => boolean) =>
  Effect.gen(function* () {
    while (true) {
      const found = yield* effect
      if (is(found)) return found
      yield* Effect.sleep("100 millis")
    }
  }).pipe(Effect.timeout("60 seconds"))

/** All rows of a list, page by page. */
export const all = Effect.fnUntraced(function* (to: Instances.Instance, path: string) {
  const rows: Array<typeof Row.Type> = []
  let after = ""
  while (true) {
    const { body } = yield* ask(to, get(`${path}&limit=7${after}`))
    rows.push(...(body.rows ?? []))
    if (typeof body.next !== "string") return rows
    after = `&after=${encodeURIComponent(body.next)}`
  }
})

/** All that is in the shop's log. */
export const log = Effect.gen(function* () {
  const { url } = yield* Database
  return yield* EventStore.EventStore.use((store) => Stream.runCollect(store.read(EventFilter.all()))).pipe(
    Effect.provide(OnPostgres.layer("shop", { _tag: "Server", url }, false))
  )
})
