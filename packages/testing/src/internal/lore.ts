// What a history has talked about so far: values by the name of their field, to be mentioned again in later commands.
import type { Json } from "effect/Schema"
import type { Random } from "./random.ts"

const kept = 24

/** Values seen, by field name and by kind. */
export interface Lore {
  readonly learn: (json: Json) => void
  /** A value that a field of this name had, or any of the same kind. */
  readonly recall: (field: string, kind: "string" | "number", random: Random) => Json | undefined
}

/** An empty memory. */
export const make = (): Lore => {
  const byField = new Map<string, Array<Json>>()
  const byKind = new Map<string, Array<Json>>()
  const keep = (map: Map<string, Array<Json>>, key: string, value: Json): void => {
    let list = map.get(key)
    if (list === undefined) map.set(key, (list = []))
    if (list.includes(value)) return
    list.push(value)
    if (list.length > kept) list.shift()
  }
  const learn = (json: Json, field: string): void => {
    if (typeof json === "string" || typeof json === "number") {
      keep(byField, field, json)
      keep(byKind, typeof json, json)
    } else if (Array.isArray(json)) {
      for (const item of json.slice(0, kept)) learn(item, field)
    } else if (typeof json === "object" && json !== null) {
      for (const [key, value] of Object.entries(json)) if (key !== "_tag") learn(value as Json, key)
    }
  }
  return {
    learn: (json) => learn(json, ""),
    recall: (field, kind, random) =>
      (random.chance(0.75)
        ? random.pick((byField.get(field) ?? []).filter((value) => typeof value === kind))
        : undefined) ?? random.pick(byKind.get(kind) ?? [])
  }
}

/**
 * A value like another, as a person would try it: small numbers, values that were mentioned before, printable text.
 *
 * Tags stay. Nobody promises that a schema accepts it.
 */
export const retell = (json: Json, lore: Lore, random: Random, field = ""): Json => {
  switch (typeof json) {
    case "number":
      return retellNumber(json, lore, random, field)
    case "string":
      return (random.chance(0.5) ? lore.recall(field, "string", random) : undefined) ?? printable(json)
    case "object": {
      if (json === null) return null
      if (Array.isArray(json)) {
        const items = json.length > 3 && random.chance(0.7) ? json.slice(0, 1 + random.below(3)) : json
        return items.map((item: Json) => retell(item, lore, random, field))
      }
      return mapFields(json, (value, key) => (key === "_tag" ? value : retell(value, lore, random, key)))
    }
    default:
      return json
  }
}

const retellNumber = (value: number, lore: Lore, random: Random, field: string): Json => {
  const roll = random.below(10)
  if (roll < 3) return random.below(10)
  // Thresholds of a domain lie where people count: tens, hundreds, thousands.
  if (roll === 3) return random.below(10 ** (2 + random.below(3)))
  if (roll < 8) {
    const seen = lore.recall(field, "number", random)
    if (typeof seen === "number") return random.chance(0.2) ? seen + (random.chance(0.5) ? 1 : -1) : seen
  }
  return plain(value)
}

/** A number of a size that a domain can count with: sums of it stay exact. */
const plain = (value: number): number =>
  Number.isInteger(value)
    ? Math.abs(value) <= 10_000
      ? value
      : value % 10_000
    : Math.round((value % 1000) * 100) / 100 || 0

/** Text that any store can hold: no lone surrogates, no NUL. */
const printable = (text: string): string => text.toWellFormed().replaceAll("\u0000", "")

/** An object with its values replaced. */
export const mapFields = (json: Json, f: (value: Json, key: string) => Json): Json => {
  const fields = Object.entries(json as Readonly<Record<string, Json>>)
  return Object.fromEntries(fields.map(([key, value]) => [key, f(value, key)]))
}
