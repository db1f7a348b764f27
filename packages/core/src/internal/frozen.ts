// Frozen values: a first state is shared by every stream, so a handler that changes it in place must fail, not corrupt.

/** Freezes plain objects and arrays, and what they hold; other values are left as they are. */
export const frozen = <A>(value: A): A => {
  freeze(value, new WeakSet())
  return value
}

const freeze = (value: unknown, seen: WeakSet<object>): void => {
  if (typeof value !== "object" || value === null || seen.has(value)) return
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return
  seen.add(value)
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part, seen)
}
