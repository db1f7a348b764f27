// fence: what a handler appends under the lease of its event, and not at all when that was lost.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { CheckpointMoved, CheckpointStoreError, LeaseLost } from "../CheckpointStoreError.ts"

/** Runs an effect so that what it appends commits only while the lease is held, where the backend can. */
export type Fence = <A, E, R>(
  effect: Effect.Effect<A, E, R>
) => Effect.Effect<A, E | CheckpointMoved | LeaseLost | CheckpointStoreError, R>

const Current = Context.Reference<Fence>("evolvent/internal/fence", { defaultValue: () => (effect) => effect })

/** Lends a fence to an effect. */
export const lend =
  (fence: Fence) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, Current, fence)

/** Runs an effect behind the fence that was lent, if one was. */
export const behind: Fence = (effect) => Effect.flatMap(Current, (fence) => fence(effect))
