// readAhead: a stream of pages, the next of which is fetched while the last is worked on.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** A page, and where the next one begins, if there is one. */
export type Step<A, S> = readonly [page: ReadonlyArray<A>, next: Option.Option<S>]

/**
 * The items of pages, from a first place on.
 *
 * A store and its reader work at the same time: the next page is asked for as soon as it is known where it begins. One
 * that nobody takes any more is given up with the stream.
 */
export const pages = <A, S, E>(start: S, fetch: (place: S) => Effect.Effect<Step<A, S>, E>): Stream.Stream<A, E> =>
  Stream.unwrap(
    Effect.map(Effect.scope, (scope) =>
      Stream.paginate(fetch(start), (current) =>
        Effect.flatMap(current, ([page, next]) => {
          if (Option.isNone(next)) return Effect.succeed([page, Option.none<typeof current>()] as const)
          const following = Effect.forkIn(fetch(next.value), scope, { startImmediately: true })
          return Effect.map(following, (fiber) => [page, Option.some(Fiber.join(fiber))] as const)
        })
      )
    )
  )
