// A process that starts a server with the options it is given, says where it is, and holds it until it is killed.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as EmbeddedPostgres from "../../src/EmbeddedPostgres.ts"

const Given = Schema.fromJsonString(
  Schema.Struct({ dataDir: Schema.optionalKey(Schema.String), binaries: Schema.optionalKey(Schema.String) })
)

const main = Effect.gen(function* () {
  const options = yield* Schema.decodeUnknownEffect(Given)(process.argv[2])
  const server = yield* EmbeddedPostgres.start(options)
  const { dataDir, host } = server
  process.stdout.write(`${JSON.stringify({ pid: yield* server.pid, host, dataDir })}\n`)
  setInterval(() => undefined, 1000)
  return yield* Effect.never
})

void Effect.runPromise(Effect.scoped(main))
