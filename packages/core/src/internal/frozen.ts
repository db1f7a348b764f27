// Frozen values: what is shared by streams, or by commands, must make a handler that changes it in place fail, not corrupt it.

/** Freezes plain objects and arrays, and what they hold; other values are left as they are. */
export const frozen = <A>(value: A): A => {
  freeze(value, new Set())
  return value
}

/** The same of a value of which parts were frozen before: what is frozen already is not gone through again. */
export const frozenAnew = <A>(value: A): A => {
  freeze(value, undefined)
  return value
}

const freeze = (value: unknown, seen: Set<object> | undefined): void => {
  if (typeof value !== "object" || value === null) return
  if (seen === undefined ? Object.isFrozen(value) : seen.has(value)) return
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return
  seen?.add(value)
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part, seen)
}
