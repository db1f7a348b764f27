// Exact: what a handler returns beyond what it owes. TypeScript itself lets `{ ...state, balanse: 1 }` pass for a state.

// Marks such as "~effect/Effect" are no fields: an Effect is refused for what it is.
type KeysOf<Union> = Union extends unknown ? Exclude<keyof Union & string, `~${string}`> : never

type Returned<Handler> = Handler extends (...args: never) => infer Result ? Result : never

type Surplus<Given, Owed> = Given extends object
  ? {
      [Key in Exclude<KeysOf<Given>, KeysOf<Owed>>]: Given[Key & keyof Given] extends (...args: never) => unknown
        ? never
        : Key
    }[Exclude<KeysOf<Given>, KeysOf<Owed>>]
  : never

/**
 * What a handler owes; where it returns an object with a field that no case of it has, a type that puts `Problem` on
 * just that field. Methods are no fields, so that classes pass.
 */
export type Exact<Handler, Owed, Problem> = [KeysOf<Owed>] extends [never]
  ? Owed
  : [Surplus<Returned<Handler>, Owed>] extends [never]
    ? Owed
    : { readonly [Key in Surplus<Returned<Handler>, Owed>]?: Problem }
