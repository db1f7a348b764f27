// Interleaving: stops the functions of the database between their statements, and runs them in an order that a law sets.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { Session, Stand } from "./Bench.ts"
import { broken, eventually } from "./Law.ts"
import type { Broken } from "./Law.ts"

/** Something that runs in steps: it stops after each of them until the law lets it go on. */
export interface Actor {
  readonly name: string
  /** How often it stops. */
  readonly gates: number
  readonly run: Effect.Effect<unknown, unknown>
}

/** The gates of a store. */
export interface Gates {
  /**
   * Puts a gate behind each statement of a function that a pattern finds, and gives how many there are.
   *
   * The gates are numbered as they come in the text, so that broken functions stop as well, in an order of their own.
   */
  readonly behind: (
    fn: string,
    actor: string,
    patterns: ReadonlyArray<RegExp>
  ) => Effect.Effect<number, SqlError | Broken>
  /** Runs actors to their end: each number in `order` lets the actor of that place make one step. */
  readonly interleave: (
    actors: ReadonlyArray<Actor>,
    order: ReadonlyArray<number>
  ) => Effect.Effect<void, unknown, Scope.Scope>
}

const keyOf = (schema: string, gate: string): string => `hashtextextended('${schema} ${gate}', 0)`

/**
 * Gates are advisory locks in the key space of one integer, where no floor is. They are shut by this session's exclusive
 * lock; who passes takes a shared one and gives it back.
 */
export const make = Effect.fnUntraced(function* ({
  schema,
  session
}: Stand): Effect.fn.Return<Gates, SqlError, Scope.Scope> {
  const controller: Session = yield* session
  const shut = new Set<string>()
  yield* controller.run(`CREATE FUNCTION ${schema}.gate(p_name text) RETURNS void LANGUAGE plpgsql SET lock_timeout = 0 AS $$
    BEGIN
      PERFORM pg_advisory_lock_shared(hashtextextended('${schema} ' || p_name, 0));
      PERFORM pg_advisory_unlock_shared(hashtextextended('${schema} ' || p_name, 0));
    END $$`)

  const close = (gate: string) =>
    Effect.suspend(() => {
      if (shut.has(gate)) return Effect.void
      shut.add(gate)
      return controller.run(`SELECT pg_advisory_lock(${keyOf(schema, gate)})`)
    })
  const open = (gate: string) =>
    Effect.suspend(() => {
      shut.delete(gate)
      return controller.run(`SELECT pg_advisory_unlock(${keyOf(schema, gate)})`)
    })
  const isWaiting = (gate: string) =>
    Effect.map(
      controller.run(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objsubid = 1
        AND ((classid::bigint << 32) | objid::bigint) = ${keyOf(schema, gate)}`),
      ({ length }) => length > 0
    )

  const behind: Gates["behind"] = Effect.fnUntraced(function* (fn, actor, patterns) {
    const [row] = yield* controller.run(`SELECT pg_get_functiondef('${schema}.${fn}'::regproc)`)
    const text = String(row?.[0])
    let count = 0
    const gated = text.replaceAll(
      new RegExp(patterns.map(({ source }) => source).join("|"), "g"),
      (statement) => `${statement} PERFORM ${schema}.gate('${actor}${count++}');`
    )
    if (count !== patterns.length) yield* broken(`put gates into ${fn}`, `${patterns.length} statements`, text)
    yield* controller.run(gated)
    return count
  })

  const interleave: Gates["interleave"] = Effect.fnUntraced(function* (actors, order) {
    for (const { gates, name } of actors) for (let i = 0; i < gates; i++) yield* close(`${name}${i}`)
    const state = actors.map((actor) => ({
      actor,
      step: 0,
      fiber: undefined as Fiber.Fiber<unknown, unknown> | undefined
    }))
    for (const turn of order) {
      const one = state[turn]
      if (one === undefined) continue
      const { actor, step } = one
      if (one.fiber === undefined) one.fiber = yield* Effect.forkScoped(actor.run)
      else yield* open(`${actor.name}${step - 1}`)
      one.step += 1
      const { fiber } = one
      const stops = step < actor.gates ? isWaiting(`${actor.name}${step}`) : Effect.succeed(false)
      yield* eventually(
        `ran ${actors.map(({ name }) => name).join(" and ")} step by step, in the order ${order.join("")}`,
        `step ${step} of ${actor.name} is done`,
        Effect.map(stops, (stopped) => stopped || fiber.pollUnsafe() !== undefined),
        (done) => done
      )
    }
    for (const { actor, fiber } of state) {
      if (fiber === undefined) continue
      const exit = yield* Fiber.await(fiber)
      if (Exit.isFailure(exit))
        return yield* broken(`ran ${actor.name} in the order ${order.join("")}`, "it goes through", exit)
    }
  })

  return { behind, interleave }
})

/** Every order in which actors with so many steps can take their turns. */
export const orders = (steps: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => {
  if (steps.every((left) => left === 0)) return [[]]
  return steps.flatMap((left, turn) =>
    left === 0 ? [] : orders(steps.map((n, i) => (i === turn ? n - 1 : n))).map((rest) => [turn, ...rest])
  )
}
