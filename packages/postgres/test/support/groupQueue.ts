// The queue of group commit over functions of which a test replaces some.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as EventId from "evolvent/EventId"
import type { EncodedAppend, Expected } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { it } from "vitest"
import * as appendLimits from "../../src/internal/appendLimits.ts"
import type { Answer, Statements } from "../../src/internal/appendStatements.ts"
import * as groupCommit from "../../src/internal/groupCommit.ts"

export const append = (id: string, expected: Expected = "any"): EncodedAppend => ({
  stream: StreamName.make("Queue", id),
  category: "Queue",
  expected,
  events: [{ id: EventId.make(crypto.randomUUID()), type: "T", schemaVersion: 1, data: "{}", metadata: "{}" }],
  idsAreNew: true
})
export const id = (one: EncodedAppend) => StreamName.id(one.stream)

export const stored: Answer = {
  _tag: "Appended",
  results: [{ revision: Revision.make(0), position: Position.make(1), repeated: false }]
}
export const lost = new SqlError({ reason: new ConnectionError({ cause: new Error("gone"), message: "gone" }) })
export const refused = new SqlError({ reason: new UnknownError({ cause: new Error("no"), message: "no" }) })

/** A queue over functions of which a test replaces some; the others store. */
export const queue = Effect.fnUntraced(function* (
  statements: Partial<Statements>,
  limits: Partial<appendLimits.Limits> = {}
) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const all: Statements = {
    event: () => Effect.succeed(stored),
    one: () => Effect.succeed(stored),
    group: (appends) => Effect.succeed(appends.map(() => stored)),
    events: (appends) => Effect.succeed(appends.map(() => stored)),
    all: () => Effect.succeed(stored),
    look: () => Effect.die("not looked for"),
    ...statements
  }
  const run = yield* Scope.provide(groupCommit.make(all, { ...appendLimits.defaultLimits, ...limits }), scope)
  return { run, close: Scope.close(scope, Exit.void) }
})

export const test = <A, E>(name: string, effect: Effect.Effect<A, E, Scope.Scope>) =>
  it(name, () => Effect.runPromise(Effect.scoped(Effect.timeout(effect, "10 seconds"))))

export const refusal = (effect: Effect.Effect<unknown, SqlError>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason.message)
