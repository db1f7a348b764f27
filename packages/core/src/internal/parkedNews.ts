// parkedNews: tells those of this process who follow a stream of parked events that something was appended to it.
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Recorded } from "../EventData.ts"
import type { StreamName } from "../StreamName.ts"

// By name alone, whatever store it is in: a wake-up carries no data, and one too many costs a read.
const followers = new Map<StreamName, Set<Queue.Queue<void>>>()

/** Says that something was appended. */
export const tell = (stream: StreamName): void => {
  for (const follower of followers.get(stream) ?? []) Queue.offerUnsafe(follower, undefined)
}

/** Begins to listen; the inner effect waits until this process appended something since it last returned. */
export const listen = (stream: StreamName): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Queue.sliding<void>(1)
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const all = followers.get(stream) ?? new Set()
        followers.set(stream, all.add(queue))
      }),
      () =>
        Effect.sync(() => {
          const all = followers.get(stream)
          all?.delete(queue)
          if (all?.size === 0) followers.delete(stream)
        })
    )
    return Queue.take(queue)
  })

/** The keys that some news want to be tried again; only processorParking writes these, in this shape. */
export const requestedBy = (news: ReadonlyArray<Recorded>): ReadonlySet<string> =>
  new Set(
    news.flatMap(({ data, type }) =>
      type === "RetryRequested" ? [(data as unknown as { readonly key: string }).key] : []
    )
  )
