// Calls a pure function as the laws do: twice, guarded, on frozen inputs; and says what was wrong with it.
import { freeze, guarded, isFrozenWrite } from "./purity.ts"
import type { Outcome } from "./purity.ts"
import { toSource } from "./source.ts"
import { describe } from "./text.ts"

/** What was wrong with a call; each kind breaks one law. */
export interface Fault {
  readonly kind: "threw" | "impure" | "mutated"
  readonly problem: string
}

/** A call that is to be pure. */
export interface Call<A> {
  /** What is called, for messages: `Account.decide`. */
  readonly name: string
  readonly run: () => A
  /** What it gets, each with what tells a change of it that freezing cannot prevent. */
  readonly inputs: ReadonlyArray<{ readonly name: string; readonly value: unknown; readonly print: () => string }>
  /** Whether two results are the same. */
  readonly same: (self: A, that: A) => boolean
  /** What is wrong with a result, where its type may be broken. */
  readonly check?: (value: A) => string | undefined
}

/** What a call returned, or its fault. */
export type Called<A> = { readonly value: A } | { readonly fault: Fault }

/** Makes the call twice. */
export const callTwice = <A>(call: Call<A>): Called<A> => {
  const opaque = call.inputs.filter(({ value }) => !freeze(value))
  const before = opaque.map(({ print }) => print())
  const first = guarded(call.run)
  const wrong = faultOf(call, first)
  if (wrong !== undefined) return { fault: wrong }
  const changed = opaque.find(({ print }, i) => print() !== before[i])
  if (changed !== undefined) {
    return { fault: { kind: "mutated", problem: `${call.name} changed ${changed.name} that it was given` } }
  }
  const value = valueOf(first)
  // What was returned may be what the function changes next time: a first state that nobody else holds.
  freeze(value)
  const second = guarded(call.run)
  const again = faultOf(call, second)
  if (again !== undefined) {
    return again.kind === "threw"
      ? {
          fault: {
            kind: "impure",
            problem: `${call.name} returned ${toSource(value)} at first; called again, ${again.problem}`
          }
        }
      : { fault: again }
  }
  const repeated = valueOf(second)
  return call.same(value, repeated)
    ? { value }
    : {
        fault: {
          kind: "impure",
          problem: `${call.name} returned ${toSource(value)} at first, and ${toSource(repeated)} when called again with the same`
        }
      }
}

/** Makes the call once, with guards, but without looking for differences. */
export const callOnce = <A>(call: Pick<Call<A>, "run">): A | undefined => {
  const { asked, result } = guarded(call.run)
  return result._tag === "Returned" && asked.length === 0 ? result.value : undefined
}

// Only asked for of a call that returned.
const valueOf = <A>({ result }: Outcome<A>): A => (result as { readonly value: A }).value

const faultOf = <A>(call: Call<A>, { asked, result }: Outcome<A>): Fault | undefined => {
  const [source] = asked
  if (source !== undefined) {
    const thrown =
      result._tag === "Threw" ? describe(result.thrown) : `${source} was asked (and the error it threw was caught)`
    return { kind: "impure", problem: `${call.name} is not pure: ${thrown}` }
  }
  if (result._tag === "Threw") {
    const problem = describe(result.thrown)
    return isFrozenWrite(result.thrown)
      ? { kind: "mutated", problem: `${call.name} tried to change what it was given: ${problem}` }
      : { kind: "threw", problem: `${call.name} threw ${problem}` }
  }
  const problem = call.check?.(result.value)
  return problem === undefined ? undefined : { kind: "threw", problem: `${call.name} ${problem}` }
}
