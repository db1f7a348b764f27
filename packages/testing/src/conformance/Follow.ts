// Follow: a subscriber that writes down what it was given, and notices at once what it must not be given.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import type { EventFilter } from "evolvent/EventFilter"
import { describe } from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { Page } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Check from "./Check.ts"

/** A subscriber at work. */
export interface Follower {
  readonly filter: EventFilter
  readonly events: ReadonlyArray<Recorded>
  readonly through: Position.Position
  readonly pages: number
  /** What was wrong with a page, or what ended the subscription. */
  readonly problem: string | undefined
  /** Stops it and waits until it has stopped. */
  readonly stop: Effect.Effect<void>
}

/** Subscribes until the scope closes; `pause` comes after every page. */
export const start = Effect.fnUntraced(function* (
  filter: EventFilter,
  options: { readonly after?: Position.Position; readonly pause?: Effect.Effect<unknown> } = {}
): Effect.fn.Return<Follower, never, EventStore | Scope.Scope> {
  const store = yield* EventStore
  const after = options.after ?? Position.beginning
  const events: Array<Recorded> = []
  const state = { through: after, pages: 0, problem: undefined as string | undefined }
  const take = (page: Page) =>
    Effect.andThen(
      Effect.sync(() => {
        state.problem ??= problemOf(page, state.through)
        events.push(...page.events)
        state.through = page.through
        state.pages += 1
      }),
      options.pause ?? Effect.void
    )
  const fiber = yield* Stream.runForEach(store.subscribe(filter, { after }), take).pipe(
    Effect.andThen(Effect.sync(() => (state.problem ??= "the subscription ended by itself"))),
    Effect.catchCause((cause) =>
      Effect.sync(() => {
        if (!Cause.hasInterruptsOnly(cause)) state.problem ??= `the subscription failed: ${Cause.pretty(cause)}`
      })
    ),
    Effect.forkScoped
  )
  return {
    filter,
    events,
    get through() {
      return state.through
    },
    get pages() {
      return state.pages
    },
    get problem() {
      return state.problem
    },
    stop: Fiber.interrupt(fiber)
  }
})

const problemOf = ({ events, through }: Page, passed: Position.Position): string | undefined => {
  if (through <= passed) return `a page went through position ${through}, but ${passed} was passed before`
  let last = passed
  for (const { position } of events) {
    if (position <= last) return `an event at position ${position} came after position ${last} was passed`
    last = position
  }
  return last > through ? `a page holds an event at position ${last}, but says it went through ${through}` : undefined
}

/** Waits until a subscriber has passed a position; it must not have been given anything wrong on the way. */
export const passed = (follower: Follower, position: Position.Position): Effect.Effect<void, Check.Broken> =>
  Effect.gen(function* () {
    yield* Check.eventually(
      `followed ${describe(follower.filter)}`,
      `it passes position ${position}`,
      Effect.sync(() => follower.problem ?? follower.through),
      (found) => typeof found === "string" || found >= position
    )
    yield* Check.equal(`followed ${describe(follower.filter)} and looked at each page`, follower.problem, undefined)
  })

/** What a subscriber got is what a reader finds in the end: no gap, no repeat, the same order. */
export const sawAll = Effect.fnUntraced(function* (did: string, follower: Follower, all: ReadonlyArray<Recorded>) {
  const positions = (events: ReadonlyArray<Recorded>) => events.map(({ position }) => position)
  const seen = new Set(positions(follower.events))
  const missed = positions(all).filter((position) => !seen.has(position))
  yield* Check.equal(`${did}: positions of what is stored but was not given to the subscriber`, missed, [])
  yield* Check.equal(`${did}: positions that the subscriber got`, positions(follower.events), positions(all))
})
