// Judge: runs on each mutant the law that must notice it, and on the whole backend every law that is used.
import type { Server } from "@evolvent/nats-server/NatsServer"
import { LawBroken, laws as conformance, Patience } from "@evolvent/testing/conformance"
import type { Law } from "@evolvent/testing/conformance"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { isAtomic } from "../src/internal/serverVersion.ts"
import type * as Nats from "../src/Nats.ts"
import * as whole from "../test/laws/Backend.ts"
import { Bench, layoutOf } from "../test/laws/Bench.ts"
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

/** The conformance laws on a backend, in a store of their own. */
const onStore = <R extends Nats.Services>({ id, run }: Law<R>): Law<Bench> => ({
  id,
  run: Effect.gen(function* () {
    const { backend, server } = yield* Bench
    const { prefix } = (yield* layoutOf()).settings
    const layer = backend.Nats.layer({ servers: server.url, prefix, storage: "memory", removal: true })
    const services: Effect.Effect<void, LawBroken, Nats.Services> = run
    yield* Effect.provide(services, layer, { local: true }).pipe(
      Effect.catch((error) => (error instanceof LawBroken ? Effect.fail(error) : Effect.die(error)))
    )
  })
})

const all: ReadonlyArray<Law<Bench>> = [
  ...own,
  ...conformance.EventStore.map(onStore),
  ...conformance.SnapshotStore.map(onStore),
  ...conformance.CheckpointStore.map(onStore),
  ...conformance.ReadModelStore.map(onStore),
  ...conformance.Bus.map(onStore)
]

// A mutant that the compiler does not understand shows nothing.
const nonsense = /(Type|Reference|Syntax)Error|is not a function/

/** What a backend does to a law: nothing, or how it breaks it. */
const on = (server: Server, backend: Backend, law: Law<Bench>, patience: Duration.Input) =>
  law.run.pipe(
    Effect.provideService(Bench, { server, backend }),
    Effect.provideService(Patience, patience),
    // What its streams could lose is of no interest here.
    Effect.provide(Logger.layer([])),
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
  const isNewEnough = isAtomic(server.version)
  const possible = mutants.filter(({ from }) => from === undefined || isNewEnough)
  if (possible.length < mutants.length) {
    console.log(`${mutants.length - possible.length} mutants need a newer server than ${server.version}`)
  }
  const chosen = possible.filter(({ law }) => named === "" || `${law.toLowerCase()} `.startsWith(`${named} `))
  for (const { id } of own) {
    if (!mutants.some(({ law }) => law === keyOf(id))) problems.push(`no mutant for ${id}`)
  }
  const used = all.filter(({ id }) => chosen.some(({ law }) => law === keyOf(id)))
  const broken = yield* Effect.forEach(used, (law) => on(server, whole, law, "20 seconds"), { concurrency: 6 })
  for (const message of broken) if (message !== undefined) problems.push(`NATS itself breaks ${message}`)
  // A mutant says nothing where the whole backend is broken.
  if (broken.some((message) => message !== undefined)) return { outcomes: [], problems }

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
  // Most of them wait for what does not come.
  return { outcomes: yield* Effect.forEach(chosen, one, { concurrency: 6 }), problems }
})
