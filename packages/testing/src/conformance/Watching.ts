// Watching: a screen for the laws of live queries, which writes down what it is told, and how that must have been.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import type * as Position from "evolvent/Position"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as Check from "./Check.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

/** A change of a row of theirs. */
export type Change = ReadModel.Change<Running.Ledger["row"]["Type"]>

/** A screen at work. */
export interface Watcher {
  readonly got: ReadonlyArray<Change>
  /** What ended the stream. */
  readonly ended: string | undefined
  readonly stop: Effect.Effect<void>
}

/** Watches a read model until the scope closes; `look` sees each change before it is written down. */
export const watch = Effect.fnUntraced(function* (
  projection: Running.Ledger,
  of?: string | { readonly after?: Position.Position },
  look: (change: Change) => Effect.Effect<unknown> = () => Effect.void
): Effect.fn.Return<Watcher, never, EventStore | CheckpointStore | ReadModelStore | Scope.Scope> {
  const { changes } = yield* Subject
  const got: Array<Change> = []
  const state = { ended: undefined as string | undefined }
  const fiber = yield* Stream.runForEach(changes(projection, of), (change) =>
    Effect.andThen(
      look(change),
      Effect.sync(() => got.push(change))
    )
  ).pipe(
    Effect.andThen(Effect.sync(() => (state.ended = "it ended by itself"))),
    Effect.catchCause((cause) => Effect.sync(() => (state.ended = Cause.pretty(cause)))),
    Effect.forkScoped
  )
  return {
    got,
    get ended() {
      return state.ended
    },
    stop: Fiber.interrupt(fiber)
  }
})

/** The row of each key that was told last; a key that is gone is not in it. */
const lastTold = (got: ReadonlyArray<Change>): ReadonlyArray<readonly [string, unknown]> =>
  [...new Map(got.map(({ key, row }) => [key, row]))]
    .filter(([, row]) => row !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))

/** Each change is a version that its row had at that position; positions rise, and those of a key strictly. */
const areVersions = Effect.fnUntraced(function* (did: string, got: ReadonlyArray<Change>, projection: Running.Ledger) {
  const store = yield* EventStore
  const all = yield* Stream.runCollect(Projection.scan(projection, store.read(projection.filter)))
  const versions = new Map(all.map(({ key, position, row }) => [`${key} at ${position}`, row]))
  const last = new Map<string, number>()
  let passed = 0
  for (const { key, position, row } of got) {
    const before = last.get(key) ?? -1
    yield* Check.holds(
      `${did}: the position of a change of "${key}"`,
      `more than ${before}`,
      position > before,
      position
    )
    yield* Check.holds(`${did}: the order of positions`, `at least ${passed}`, position >= passed, position)
    if (row !== undefined)
      yield* Check.equal(`${did}: "${key}" at ${position}`, row, versions.get(`${key} at ${position}`))
    last.set(key, position)
    passed = position
  }
})

/** Waits until the rows that were told last are those of the read model, which has handled everything. */
export const tellsAll = Effect.fnUntraced(function* (
  did: string,
  watcher: Watcher,
  projection: Running.Ledger,
  key?: string
) {
  yield* Running.catchesUp(did, projection)
  const { rows } = yield* ReadModel.list(projection, { limit: 1000 })
  const atRest = rows.flatMap((one) => (key === undefined || one.key === key ? [[one.key, one.row] as const] : []))
  yield* Check.eventually(
    did,
    `the rows told last are ${JSON.stringify(atRest)}`,
    Effect.sync(() => watcher.ended ?? lastTold(watcher.got)),
    (found) => typeof found === "string" || JSON.stringify(found) === JSON.stringify(atRest)
  )
  yield* Check.equal(`${did}: what ended the stream`, watcher.ended, undefined)
  yield* areVersions(did, watcher.got, projection)
})
