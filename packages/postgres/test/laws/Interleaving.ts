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
   * Puts a gate behind each statement of a function that a pattern finds, and gives how many there are: one for each
   * pattern, which may stand in several branches.
   *
   * Broken functions stop as well, in an order of their own.
   */
  readonly behind: (
    fn: string,
    actor: string,
    patterns: ReadonlyArray<RegExp>
  ) => Effect.Effect<number, SqlError | Broken>
  /** Puts a gate behind each expression that a pattern finds, of the type that goes with it; gives how many there are. */
  readonly within: (
    fn: string,
    actor: string,
    patterns: ReadonlyArray<readonly [expression: RegExp, type: string]>
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
  yield* controller.run(`CREATE FUNCTION ${schema}.gated(p_name text, p_value text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM ${schema}.gate(p_name);
      RETURN p_value;
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
  /** The gate of an actor that somebody waits for. */
  const waitsAt = (actor: string) =>
    Effect.map(
      controller.run(`SELECT g.gate FROM pg_locks k JOIN unnest(ARRAY[${[...shut].map((gate) => `'${gate}'`).join()}]::text[]) g(gate)
        ON ((k.classid::bigint << 32) | k.objid::bigint) = hashtextextended('${schema} ' || g.gate, 0)
        WHERE k.locktype = 'advisory' AND NOT k.granted AND k.objsubid = 1 AND g.gate LIKE '${actor}%'`),
      ([row]) => (row === undefined ? undefined : String(row[0]))
    )

  const put = Effect.fnUntraced(function* (
    fn: string,
    patterns: ReadonlyArray<RegExp>,
    gated: (text: string, gate: number) => string
  ) {
    const [row] = yield* controller.run(`SELECT pg_get_functiondef('${schema}.${fn}'::regproc)`)
    const text = String(row?.[0])
    const placed = new Set<number>()
    const all = new RegExp(patterns.map(({ source }) => source).join("|"), "g")
    const changed = text.replaceAll(all, (found) => {
      const gate = patterns.findIndex((pattern) => pattern.test(found))
      placed.add(gate)
      return gated(found, gate)
    })
    if (placed.size !== patterns.length)
      return yield* broken(`put gates into ${fn}`, `${patterns.length} of them`, text)
    yield* controller.run(changed)
    return placed.size
  })

  const behind: Gates["behind"] = (fn, actor, patterns) =>
    put(fn, patterns, (statement, gate) => `${statement} PERFORM ${schema}.gate('${actor}${gate}');`)

  const within: Gates["within"] = (fn, actor, patterns) =>
    put(
      fn,
      patterns.map(([expression]) => expression),
      (expression, gate) => {
        const [, type = "text"] = patterns.find(([one]) => one.test(expression)) ?? []
        return `${schema}.gated('${actor}${gate}', (${expression})::text)::${type}`
      }
    )

  const interleave: Gates["interleave"] = Effect.fnUntraced(function* (actors, order) {
    for (const { gates, name } of actors) for (let i = 0; i < gates; i++) yield* close(`${name}${i}`)
    const state = actors.map((actor) => ({
      actor,
      step: 0,
      gate: undefined as string | undefined,
      fiber: undefined as Fiber.Fiber<unknown, unknown> | undefined
    }))
    for (const turn of order) {
      const one = state[turn]
      if (one === undefined) continue
      const { actor, step } = one
      if (one.fiber === undefined) one.fiber = yield* Effect.forkScoped(actor.run)
      else if (one.gate !== undefined) yield* open(one.gate)
      one.step += 1
      const { fiber } = one
      // Which gate comes first shows when it stands there.
      const stops = Effect.map(waitsAt(actor.name), (gate) => (one.gate = gate) !== undefined)
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

  return { behind, within, interleave }
})

/** Every order in which actors with so many steps can take their turns. */
export const orders = (steps: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => {
  if (steps.every((left) => left === 0)) return [[]]
  return steps.flatMap((left, turn) =>
    left === 0 ? [] : orders(steps.map((n, i) => (i === turn ? n - 1 : n))).map((rest) => [turn, ...rest])
  )
}
