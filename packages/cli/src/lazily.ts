// lazily: what a command does is loaded when it is called, so that help and completions need none of it.
import * as Effect from "effect/Effect"
import { fromError } from "./failure.ts"
import type { Failure } from "./failure.ts"

/** A handler that loads its module first; its errors become what the command line says. */
export const lazily =
  <M, A, E extends Error, R>(load: () => Promise<M>, pick: (module: M) => (input: A) => Effect.Effect<unknown, E, R>) =>
  (input: A): Effect.Effect<void, Failure, R> =>
    Effect.promise(load).pipe(
      Effect.flatMap((module) => Effect.mapError(pick(module)(input), fromError)),
      Effect.asVoid
    )
