// `pnpm pgbouncer [suite…]`: every law, through a real PgBouncer in transaction mode. Exit code 1: broken, 2: no PgBouncer here.
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import { laws, suites, verdicts } from "@evolvent/testing/conformance"
import type { Law } from "@evolvent/testing/conformance"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Postgres from "../src/Postgres.ts"
import * as Pooler from "./Pooler.ts"

const run = (program: string, names: ReadonlyArray<(typeof suites)[number]>) =>
  Effect.gen(function* () {
    const server = yield* EmbeddedPostgres.start({ settings: { max_connections: 100 } })
    const pooled = yield* Pooler.start(program, server)
    console.log(`${Pooler.versionOf(program)} in transaction mode, PostgreSQL ${server.version}, prepare: false`)
    const layer = Layer.orDie(Postgres.layer({ ...pooled, prepare: false, listen: false }))
    const asked = names.flatMap((name): ReadonlyArray<Law<Postgres.Services>> => laws[name])
    let broken = 0
    for (const law of asked) {
      for (const verdict of yield* verdicts([law], (effect) => Effect.provide(effect, layer))) {
        const { broken: how, duration, law: id } = verdict
        if (how !== undefined) broken++
        console.log(
          how === undefined ? `kept    ${id} (${Math.round(Duration.toMillis(duration))} ms)` : `BROKEN  ${how.message}`
        )
      }
    }
    console.log(`${asked.length - broken} laws kept, ${broken} broken`)
    return broken === 0 ? 0 : 1
  }).pipe(Effect.scoped)

const program = Pooler.find()
if (program === undefined) {
  console.error(Pooler.howToInstall)
  process.exitCode = 2
} else {
  const asked = suites.filter((name) => process.argv.includes(name))
  process.exitCode = await Effect.runPromise(run(program, asked.length === 0 ? suites : asked))
}
