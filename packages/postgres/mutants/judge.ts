// Judge: runs on each mutant the law that must notice it, and on the whole backend every law that is used.
import type { Server } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import { LawBroken, laws as conformance, Patience } from "@evolvent/testing/conformance"
import type { Law } from "@evolvent/testing/conformance"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Postgres from "../src/Postgres.ts"
import { Bench } from "../test/laws/Bench.ts"
import type { Backend } from "../test/laws/Bench.ts"
import { laws as own } from "../test/laws/laws.ts"
import { load } from "./load.ts"
import type { Mutant } from "./Mutant.ts"
import { mutants } from "./mutants.ts"

/** What became of one mutant. */
export interface Outcome {
  readonly law: string
  readonly breaks: string
  readonly caught: boolean
  readonly millis: number
}

/** What became of all, and what is not as it should be. */
export interface Judged {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly problems: ReadonlyArray<string>
}

const keyOf = (law: string): string => law.split(" ", 2).join(" ")

/** The conformance laws on a backend, in a schema of their own. */
const onStore = <R extends Postgres.Services>({ id, run }: Law<R>): Law<Bench> => ({
  id,
  run: Effect.gen(function* () {
    const { postgres, server } = yield* Bench
    const schema = `law_${crypto.randomUUID().slice(0, 8)}`
    const layer = Layer.provide(
      postgres.layerFrom({ schema }),
      PgClient.layer({ ...server.connection, maxConnections: 8 })
    )
    const services: Effect.Effect<void, LawBroken, Postgres.Services> = run
    yield* Effect.provide(services, layer, { local: true }).pipe(
      Effect.catch((error) => (error instanceof LawBroken ? Effect.fail(error) : Effect.die(error)))
    )
  })
})

const all: ReadonlyArray<Law<Bench>> = [
  ...own,
  ...conformance.EventStore.map(onStore),
  ...conformance.CheckpointStore.map(onStore),
  ...conformance.ReadModelStore.map(onStore)
]

// A mutant that the server or the compiler does not understand shows nothing.
const nonsense = /\(42\w{3}|syntax error|(Type|Reference|Syntax)Error|is not a function/

/** What a backend does to a law: nothing, or how it breaks it. */
const on = (server: Server, postgres: Backend, law: Law<Bench>, patience: Duration.Input) =>
  law.run.pipe(
    Effect.provideService(Bench, { server, postgres }),
    Effect.provideService(Patience, patience),
    Effect.as(undefined),
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      return Effect.succeed(error instanceof LawBroken ? error.message : `${law.id}\n${Cause.pretty(cause)}`)
    })
  )

/** Judges the mutants of laws whose names begin with one of the words, all of them where there are none. */
export const judge = Effect.fnUntraced(function* (
  server: Server,
  words: ReadonlyArray<string>,
  print: (outcome: Outcome) => void
): Effect.fn.Return<Judged> {
  const problems: Array<string> = []
  const named = words.join(" ").toLowerCase()
  const chosen = mutants.filter(({ law }) => named === "" || `${law.toLowerCase()} `.startsWith(`${named} `))
  for (const { id } of own) {
    if (!mutants.some(({ law }) => law === keyOf(id))) problems.push(`no mutant for ${id}`)
  }
  const used = all.filter(({ id }) => chosen.some(({ law }) => law === keyOf(id)))
  const whole = yield* Effect.forEach(used, (law) => on(server, Postgres, law, "20 seconds"), { concurrency: 3 })
  for (const message of whole) if (message !== undefined) problems.push(`PostgreSQL itself breaks ${message}`)
  // A mutant says nothing where the whole backend is broken.
  if (problems.length > 0) return { outcomes: [], problems }

  const one = Effect.fnUntraced(function* (mutant: Mutant) {
    const begin = performance.now()
    const { breaks, by } = mutant
    const law = all.find(({ id }) => keyOf(id) === mutant.law)
    const say = (problem: string) => void problems.push(`${mutant.law}, ${breaks}: ${problem}`)
    let caught = false
    if (law === undefined) say("there is no such law")
    else {
      const loaded = yield* Effect.result(Effect.tryPromise(() => load({ by })))
      if (loaded._tag === "Failure") say(`it no longer applies: ${String(loaded.failure.cause)}`)
      else {
        const message = yield* on(server, loaded.success, law, "2 seconds")
        caught = message !== undefined
        if (message === undefined) say("it survived")
        else if (nonsense.test(message)) say(`it is no mutant but nonsense: ${message}`)
        if (process.env["MUTANTS_WHY"] !== undefined) console.log(message)
      }
    }
    const outcome = { law: mutant.law, breaks, caught, millis: performance.now() - begin }
    print(outcome)
    return outcome
  })
  return { outcomes: yield* Effect.forEach(chosen, one, { concurrency: 3 }), problems }
})
