// Makes a failing history small: fewer commands first, then simpler values in those that are left.
import type { Json } from "effect/Schema"
import { mapFields } from "./lore.ts"

/** How to look for smaller histories. */
export interface Shrinking<Item, Failure> {
  readonly items: ReadonlyArray<Item>
  readonly failure: Failure
  /** The failure of a history, undefined when it has none of the same kind. */
  readonly failureOf: (items: ReadonlyArray<Item>) => Failure | undefined
  /** The simpler variants of an item, boldest first. */
  readonly simpler: (item: Item) => Iterable<Item>
  /** The variants of a whole history in which a value is simpler wherever it occurs. */
  readonly simplerEverywhere: (items: ReadonlyArray<Item>) => Iterable<ReadonlyArray<Item>>
  /** How many histories to try at most. */
  readonly budget?: number
}

/** The smallest failing history that was found, and what failed in it. */
export const shrink = <Item, Failure>(options: Shrinking<Item, Failure>) => {
  let { failure, items } = options
  let left = options.budget ?? 3000
  const accept = (candidate: ReadonlyArray<Item>): boolean => {
    if (left <= 0) return false
    left -= 1
    const found = options.failureOf(candidate)
    if (found === undefined) return false
    items = candidate
    failure = found
    return true
  }

  /** Leaves out blocks, from large to single commands, later ones first. */
  const remove = (): boolean => {
    let removed = false
    for (let size = items.length; size >= 1; size = Math.floor(size / 2)) {
      for (let start = items.length - size; start >= 0; start -= size) {
        if (accept(items.toSpliced(start, size))) removed = true
      }
    }
    return removed
  }

  /** Makes one item simpler as long as that goes. */
  const simplify = (): boolean => {
    let simplified = false
    for (let i = 0; i < items.length; i++) {
      let again = true
      while (again) {
        again = false
        for (const simpler of options.simpler(items[i] as Item)) {
          if (!accept(items.with(i, simpler))) continue
          again = simplified = true
          break
        }
      }
    }
    return simplified
  }

  /** Makes a value simpler in all items at once, since some failures need it to be the same in several. */
  const rename = (): boolean => {
    let renamed = false
    let again = true
    while (again) {
      again = false
      for (const candidate of options.simplerEverywhere(items)) {
        if (!accept(candidate)) continue
        again = renamed = true
        break
      }
    }
    return renamed
  }

  let smaller = true
  while (smaller) {
    const removed = remove()
    const renamed = rename()
    smaller = simplify() || renamed || removed
  }
  return { items, failure }
}

/**
 * The simpler variants of a JSON value: each changes one place, and none is simpler than itself.
 *
 * Numbers go to 0, to 1, to halves; texts to the empty one, to "a", to shorter ones; lists lose items; tags stay.
 */
export function* simplerJson(json: Json): Generator<Json> {
  switch (typeof json) {
    case "number":
      return yield* simplerNumbers(json)
    case "string":
      return yield* simplerTexts(json)
    case "boolean":
      if (json) yield false
      return
    case "object": {
      if (json === null) return
      if (Array.isArray(json)) return yield* simplerLists(json)
      for (const key of Object.keys(json)) {
        if (key === "_tag") continue
        const fields = json as Readonly<Record<string, Json>>
        const { [key]: _, ...rest } = fields
        yield rest
        for (const simpler of simplerJson(fields[key] as Json)) {
          yield mapFields(json, (value, name) => (name === key ? simpler : value))
        }
      }
    }
  }
}

/** The variants of some JSON values in which one text or number is simpler wherever it occurs. */
export function* simplerEverywhere(all: ReadonlyArray<Json>): Generator<ReadonlyArray<Json>> {
  const leaves = new Map<string | number, number>()
  const count = (json: Json): void => {
    if (typeof json === "string" || typeof json === "number") leaves.set(json, (leaves.get(json) ?? 0) + 1)
    else if (Array.isArray(json)) json.forEach(count)
    else if (typeof json === "object" && json !== null) {
      for (const [key, value] of Object.entries(json)) if (key !== "_tag") count(value as Json)
    }
  }
  all.forEach(count)
  for (const [leaf, times] of leaves) {
    if (times < 2) continue
    for (const simpler of simplerJson(leaf)) yield all.map((json) => replaced(json, leaf, simpler))
  }
}

const replaced = (json: Json, leaf: Json, by: Json): Json =>
  json === leaf
    ? by
    : Array.isArray(json)
      ? json.map((item: Json) => replaced(item, leaf, by))
      : typeof json === "object" && json !== null
        ? mapFields(json, (value, key) => (key === "_tag" ? value : replaced(value, leaf, by)))
        : json

function* simplerLists(json: ReadonlyArray<Json>): Generator<Json> {
  if (json.length > 1) yield []
  for (let i = json.length - 1; i >= 0; i--) yield json.toSpliced(i, 1)
  for (const [i, item] of json.entries()) {
    for (const simpler of simplerJson(item)) yield json.with(i, simpler)
  }
}

function* simplerNumbers(value: number): Generator<number> {
  // Simplest are 0 and 1, then numbers by their size, then negative ones, then fractions.
  if (value === 0) return
  yield 0
  if (value === 1) return
  yield 1
  if (!Number.isFinite(value)) return
  if (!Number.isInteger(value)) yield Math.trunc(value)
  if (value < 0) yield -value
  const half = Math.trunc(value / 2)
  if (half !== 0 && half !== 1 && Math.abs(half) < Math.abs(value)) yield half
  if (Number.isInteger(value) && Math.abs(value) > 2) yield value - Math.sign(value)
}

function* simplerTexts(text: string): Generator<string> {
  if (text === "") return
  yield ""
  if (text === "a") return
  yield "a"
  if (text.length > 1) {
    yield text.slice(0, Math.ceil(text.length / 2))
    yield text.slice(0, -1)
  }
}
