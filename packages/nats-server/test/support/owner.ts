// A process that starts a server with the options it is given, says where it is, and holds it until it is killed.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as NatsServer from "../../src/NatsServer.ts"

const Given = Schema.fromJsonString(Schema.Struct({ directory: Schema.optionalKey(Schema.String) }))

const main = Effect.gen(function* () {
  const options = yield* Schema.decodeUnknownEffect(Given)(process.argv[2])
  const { directory, pid, port } = yield* NatsServer.make(options)
  process.stdout.write(`${JSON.stringify({ pid: yield* pid, port, directory })}\n`)
  setInterval(() => undefined, 1000)
  return yield* Effect.never
})

void Effect.runPromise(Effect.scoped(main))
