// Guards pure functions while they run: clocks and random sources throw, inputs are frozen, and both are noticed.

import * as BigDecimal from "effect/BigDecimal"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** How a guarded call ended. */
export interface Outcome<A> {
  readonly result:
    | { readonly _tag: "Returned"; readonly value: A }
    | { readonly _tag: "Threw"; readonly thrown: unknown }
  /** The clocks and random sources that it asked, in order; asking them threw. */
  readonly asked: ReadonlyArray<string>
}

const hints: Readonly<Record<string, string>> = {
  time: "put the time into the command (an event's own is `recordedAt`)",
  random: "put ids and random values into the command"
}

/** What a pure function throws when it asks a clock or a random source. */
export class ImpureCall extends Error {
  override readonly name = "ImpureCall"
  constructor(asked: string, kind: "time" | "random") {
    super(`${asked} was asked by a function that must be pure: ${hints[kind]}, so that a replay gives the same again`)
  }
}

/** Runs a function while clocks and random sources throw; they work again afterwards, whatever happens. */
export const guarded = <A>(run: () => A): Outcome<A> => {
  const asked: Array<string> = []
  const restore = forbid((name, kind) => {
    asked.push(name)
    throw new ImpureCall(name, kind)
  })
  try {
    return { result: { _tag: "Returned", value: run() }, asked }
  } catch (thrown) {
    return { result: { _tag: "Threw", thrown }, asked }
  } finally {
    restore()
  }
}

type Refuse = (name: string, kind: "time" | "random") => never

/** Replaces the impure functions of the platform and returns what puts them back. */
const forbid = (refuse: Refuse): (() => void) => {
  const undo: Array<() => void> = []
  const replace = (object: object | undefined, key: string, value: unknown): void => {
    if (object === undefined || !(key in object)) return
    const before = Object.getOwnPropertyDescriptor(object, key)
    // A platform that does not let itself be changed is left as it is.
    if (!Reflect.defineProperty(object, key, { value, configurable: true, writable: true })) return
    undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(object, key)
      else Object.defineProperty(object, key, before)
    })
  }
  const { Date, Math, crypto, performance } = globalThis
  replace(Date, "now", () => refuse("Date.now()", "time"))
  replace(globalThis, "Date", dateWithoutNow(Date, refuse))
  replace(performance, "now", () => refuse("performance.now()", "time"))
  replace(Math, "random", () => refuse("Math.random()", "random"))
  replace(crypto, "randomUUID", () => refuse("crypto.randomUUID()", "random"))
  replace(crypto, "getRandomValues", () => refuse("crypto.getRandomValues()", "random"))
  return () => {
    for (const one of undo.reverse()) one()
  }
}

/** The Date constructor, which still makes dates of given times. */
const dateWithoutNow = (original: DateConstructor, refuse: Refuse): DateConstructor => {
  const proxy: DateConstructor = new Proxy(original, {
    apply: () => refuse("Date()", "time"),
    construct: (target, args: ReadonlyArray<unknown>, newTarget: unknown): object =>
      args.length === 0
        ? refuse("new Date()", "time")
        : (Reflect.construct(target, args, newTarget === proxy ? target : (newTarget as NewableFunction)) as object)
  })
  return proxy
}

// Whether everything in an object that was frozen before is plain; remembered, since states share most of themselves.
const frozen = new WeakMap<object, boolean>()

/**
 * Freezes the plain objects and arrays that a value is made of; false when there are others in it.
 *
 * Instances of classes are left as they are, since some keep a cache in themselves; those of Effect's dates, durations,
 * decimals and options cannot be changed anyway.
 */
export const freeze = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return true
  const known = frozen.get(value)
  if (known !== undefined) return known
  if (DateTime.isDateTime(value) || BigDecimal.isBigDecimal(value) || Duration.isDuration(value)) return true
  if (Option.isOption(value)) return Option.isNone(value) || freeze(value.value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!(Array.isArray(value) || prototype === Object.prototype || prototype === null)) {
    frozen.set(value, false)
    return false
  }
  frozen.set(value, true)
  Object.freeze(value)
  let plain = true
  for (const item of Object.values(value)) plain = freeze(item) && plain
  frozen.set(value, plain)
  return plain
}

/** Whether an error is what an engine throws when frozen data is written to (V8, SpiderMonkey and JavaScriptCore). */
export const isFrozenWrite = (thrown: unknown): boolean =>
  thrown instanceof TypeError &&
  /read.?only|not extensible|cannot delete property|can't delete|unconfigurable|non-configurable/i.test(thrown.message)
