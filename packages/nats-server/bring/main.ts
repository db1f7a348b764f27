// Fetches servers into the cache, for those who run tests on several versions: `node bring/main.ts [version…]`.
import * as Effect from "effect/Effect"
import * as NatsServer from "../src/NatsServer.ts"

const versions = process.argv.slice(2)

const main =
  versions.length === 0 ? NatsServer.bringAll : Effect.forEach(versions, (version) => NatsServer.bring(version))

try {
  for (const { path, version } of await Effect.runPromise(main)) process.stdout.write(`${path} ${version}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
