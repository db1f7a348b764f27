// Following: subscribers that write down what they were given, and are waited for.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import type { EventFilter as Filter } from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import type { Stand } from "./Bench.ts"
import { broken, equal, eventually } from "./Law.ts"
import type { Broken } from "./Law.ts"

interface Follower {
  readonly filter: Filter
  readonly seen: Array<number>
  through: number
  problem: string | undefined
}

/** Some subscribers of one store, with a filter each. */
export interface Followers {
  /** Looks how far readers may go, and waits until every subscriber has come so far; gives the position. */
  readonly settled: Effect.Effect<number, unknown>
  /** The same, and that position is as expected. */
  readonly stand: (did: string, at: number) => Effect.Effect<void, unknown>
  /** Waits until all have passed a position. */
  readonly passed: (position: number) => Effect.Effect<void, Broken>
  /** Each has been given what the table holds for its filter, in order and once. */
  readonly sawAll: Effect.Effect<void, unknown>
}

/** Several filters that match the events of streams in category A. */
export const filters: ReadonlyArray<Filter> = [
  EventFilter.all(),
  EventFilter.category("A"),
  EventFilter.category("A", { types: ["T"] }),
  EventFilter.stream(StreamName.make("A", "1")),
  EventFilter.categories(["A", "B", "C"].map((category) => ({ category })))
]

// What the filters here match: all of a stream, or some categories whole.
const conditionOf = (filter: Filter): string => {
  if (filter._tag === "All") return "true"
  if (filter._tag === "Stream") return `stream = '${filter.stream}'`
  return filter.categories.map(({ category }) => `category = '${category}'`).join(" OR ")
}

/** Subscribes from the beginning until the scope closes. */
export const follow = Effect.fnUntraced(function* (
  { schema, sql, store }: Stand,
  chosen: ReadonlyArray<Filter> = filters
): Effect.fn.Return<Followers, never, Scope.Scope> {
  const all = chosen.map((filter): Follower => ({ filter, seen: [], through: 0, problem: undefined }))
  for (const one of all) {
    yield* Stream.runForEach(store.subscribe(one.filter), ({ events, through }) =>
      Effect.sync(() => {
        for (const { position } of events) {
          if (position <= (one.seen.at(-1) ?? one.through)) one.problem ??= `position ${position} came late`
          one.seen.push(position)
        }
        if (through <= one.through) one.problem ??= `it went from ${one.through} to ${through}`
        one.through = through
      })
    ).pipe(
      Effect.catchCause((cause) =>
        Effect.sync(() => {
          if (!Cause.hasInterruptsOnly(cause)) one.problem ??= Cause.pretty(cause)
        })
      ),
      Effect.forkScoped
    )
  }
  const passed = Effect.fnUntraced(function* (position: number) {
    for (const one of all) {
      const did = `followed ${EventFilter.describe(one.filter)}`
      yield* eventually(
        did,
        `it has passed ${position}`,
        Effect.sync(() => one.problem ?? one.through),
        (found) => typeof found === "string" || found >= position
      )
      if (one.problem !== undefined) return yield* broken(did, "nothing is wrong with it", one.problem)
    }
  })
  const settled = Effect.gen(function* () {
    const head = yield* store.head
    yield* passed(head)
    return Number(head)
  })
  return {
    settled,
    passed,
    stand: (did, at) => Effect.flatMap(settled, (head) => equal(`${did}: how far readers may go`, head, at)),
    sawAll: Effect.gen(function* () {
      yield* settled
      for (const { filter, seen } of all) {
        const rows = yield* sql.unsafe(
          `SELECT position::float8 FROM ${schema}.events WHERE ${conditionOf(filter)} ORDER BY position`
        ).values
        const stored = rows.map(([position]) => Number(position))
        yield* equal(`followed ${EventFilter.describe(filter)} to the end: what it saw`, seen, stored)
      }
    })
  }
})

/** Where a read from behind a position begins. */
export const from = (position: number) => ({ position: Position.make(position + 1) })
