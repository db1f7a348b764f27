// handling: the types of the handlers that a reactor takes: for which events, and that each returns an Effect.
import type * as Effect from "effect/Effect"
import type * as Aggregate from "../Aggregate.ts"
import type { RecordedCase, RecordedOf } from "../Projection.ts"

type AnyEffect = Effect.Effect<unknown, unknown, unknown>
/** What a processor reads from: at least one aggregate. */
export type Sources = readonly [Aggregate.Any, ...ReadonlyArray<Aggregate.Any>]
type TagOf<A extends Aggregate.Any> = Aggregate.EventOf<A>["_tag"]

// What a reactor's handlers are inferred from: looser than what is then asked for, as in `Projection.make`.
type AnyHandlers<A extends Aggregate.Any> = {
  readonly [Tag in TagOf<A>]?: (
    event: Extract<Aggregate.EventOf<A>, { readonly _tag: Tag }>,
    recorded: RecordedCase<A, Tag>
  ) => unknown
}

/** What a reactor does: one function of the stored event, or a handler by tag (by aggregate name, then tag, for several). */
export type Handle<From extends Sources> =
  | ((event: RecordedOf<From[number]>) => unknown)
  | (From extends readonly [infer A extends Aggregate.Any]
      ? AnyHandlers<A>
      : { readonly [A in From[number] as A["name"]]?: AnyHandlers<A> })

type Handlers<H, A extends Aggregate.Any> = {
  readonly [Tag in keyof H]: Tag extends TagOf<A>
    ? (event: Extract<Aggregate.EventOf<A>, { readonly _tag: Tag }>, recorded: RecordedCase<A, Tag>) => AnyEffect
    : `no event of ${A["name"]}`
}

/** The handlers of a reactor as they were given, each for an event of its sources, and each returning an Effect. */
export type Handling<H, From extends Sources> = [H] extends [never]
  ? H
  : H extends (...args: never) => unknown
    ? (event: RecordedOf<From[number]>) => AnyEffect
    : From extends readonly [infer A extends Aggregate.Any]
      ? Handlers<H, A>
      : {
          readonly [Name in keyof H]: Name extends From[number]["name"]
            ? Handlers<H[Name], Extract<From[number], { readonly name: Name }>>
            : "no source of this reactor"
        }

/** The effects that the handlers of a reactor return. */
export type EffectsOf<H> = H extends (...args: never) => infer Returned
  ? Returned
  : { readonly [Key in keyof H]: EffectsOf<H[Key]> }[keyof H]
