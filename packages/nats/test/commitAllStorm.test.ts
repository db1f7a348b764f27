// A storm over several documents: processes die at any write, answers are lost, everybody changes the same, and no sum is wrong.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as Scope from "effect/Scope"
import { expect, it } from "vitest"
import type { Documents } from "../src/internal/documents.ts"
import type { JetStream } from "../src/internal/jetstream.ts"
import { dyingAt, join, layoutOf, losing } from "./support/checkpointing.ts"
import { serve } from "./support/served.ts"

const server = await serve()
const layout = layoutOf("storm")
const seconds = Number(process.env["STORM_SECONDS"] ?? 6)

const accounts = Array.from({ length: 6 }, (_, i) => `account.${i}`)
const amountOf = (value: Json | undefined): number => (typeof value === "number" ? value : 0)
const between = (from: number, to: number): number => from + Math.floor(Math.random() * (to - from))

/** Moves an amount between accounts, one of which may go no lower than it does. */
const transfer = (documents: Documents) =>
  Effect.suspend(() => {
    const parties = accounts.toSorted(() => Math.random() - 0.5).slice(0, between(2, 5))
    const amount = between(1, 10)
    return documents.change(
      new Map(
        parties.map((key, i) => [
          key,
          (value: Json | undefined): Result.Result<Json | undefined, "refused"> =>
            Math.abs(amountOf(value)) > 200
              ? Result.fail("refused")
              : Result.succeed(amountOf(value) + (i === 0 ? -amount * (parties.length - 1) : amount))
        ])
      )
    )
  })

/** Counts on an account of its own: what it was told must be true. */
const count = (documents: Documents, own: string) =>
  documents.change(
    new Map(
      [own, "account.0"].map((key) => [
        key,
        (value: Json | undefined) => Result.succeed(key === own ? amountOf(value) + 1 : amountOf(value))
      ])
    )
  )

// Of the verdicts more: whether one was given is what all depends on.
const lossy = (jetstream: JetStream): JetStream =>
  losing((subject) => Math.random() < (subject.includes(".tx.") ? 0.2 : 0.03))(jetstream)

it(`${seconds} seconds`, { timeout: (seconds + 60) * 1000 }, () =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const until = performance.now() + seconds * 1000
        const told = { made: 0, refused: 0, unknown: 0, deaths: 0 }
        const wrong: Array<string> = []
        const live = (i: number) =>
          Effect.gen(function* () {
            let life = 0
            while (performance.now() < until) {
              const dying = dyingAt(between(1, 400), Math.random() < 0.5 ? "before it is sent" : "after it was sent")
              const scope = yield* Scope.make()
              const { documents } = yield* Effect.provideService(
                join(server.url, layout, { breaking: (jetstream) => dying.breaking(lossy(jetstream)) }),
                Scope.Scope,
                scope
              )
              const own = `own.${i}.${life++}`
              let counted = 0
              let doubts = 0
              while (performance.now() < until && !dying.state.isDead) {
                const ended = yield* Effect.result(transfer(documents))
                if (Result.isSuccess(ended)) told.made += 1
                else if (ended.failure === "refused") told.refused += 1
                else told.unknown += 1
                const also = yield* Effect.result(count(documents, own))
                if (Result.isSuccess(also)) counted += 1
                else doubts += 1
              }
              if (dying.state.isDead) told.deaths += 1
              yield* Scope.close(scope, Exit.void)
              const witness = yield* join(server.url, layout)
              const settle = new Map([[own, (value: Json | undefined) => Result.succeed(value)]])
              yield* witness.documents.change(settle)
              const found = amountOf((yield* witness.documents.read(own)).value)
              if (found < counted || found > counted + doubts) wrong.push(`${own}: told ${counted}, found ${found}`)
            }
          })
        yield* Effect.forEach([0, 1, 2, 3], live, { concurrency: "unbounded" })
        const { documents } = yield* join(server.url, layout)
        // Once nothing is undecided any more.
        yield* Effect.forEach(accounts, (key) =>
          documents.change(new Map([[key, (value: Json | undefined) => Result.succeed(amountOf(value) + 1)]]))
        )
        const values = yield* Effect.forEach(accounts, (key) => documents.read(key))
        const sum = values.reduce((sum, { value }) => sum + amountOf(value), 0)
        if (process.env["STORM_SECONDS"] !== undefined) console.log(JSON.stringify(told))
        expect(wrong).toEqual([])
        expect(sum).toBe(accounts.length)
        expect(told.made).toBeGreaterThan(20)
      })
    )
  )
)
