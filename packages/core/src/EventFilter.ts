// EventFilter: which events are meant, by stream, by category, by type, or all of them.
import * as StreamNames from "./StreamName.ts"
import type { StreamName } from "./StreamName.ts"

/** The events of some types, or of every type when left out. */
export interface Types {
  readonly types?: ReadonlyArray<string>
}

/** Which events: of one stream, of some categories (each with its own types), or of all. */
export type EventFilter =
  | { readonly _tag: "Stream"; readonly stream: StreamName; readonly types?: ReadonlyArray<string> }
  | { readonly _tag: "Categories"; readonly categories: ReadonlyArray<CategoryFilter> }
  | { readonly _tag: "All"; readonly types?: ReadonlyArray<string>; readonly system: boolean }

/** One category and, where given, only some types of its events. */
export interface CategoryFilter extends Types {
  readonly category: string
}

/** The events of one stream. */
export const stream = (name: StreamName, options?: Types): EventFilter => ({ _tag: "Stream", stream: name, ...options })

/**
 * The events of one category, or of several, each with its own types.
 *
 * ```ts
 * import * as EventFilter from "evolvent/EventFilter"
 *
 * const closings = EventFilter.category("Account", { types: ["Closed"] })
 * const both = EventFilter.categories([{ category: "Account" }, { category: "Order", types: ["Completed"] }])
 * EventFilter.describe(closings) // => "category Account (Closed)"
 * EventFilter.describe(both) // => "categories Account, Order (Completed)"
 * ```
 */
export const category = (name: string, options?: Types): EventFilter => categories([{ category: name, ...options }])

/** The events of several categories, each with its own types. */
export const categories = (filters: ReadonlyArray<CategoryFilter>): EventFilter => ({
  _tag: "Categories",
  categories: filters
})

/** All events; those of the library's own `$` categories only with `system`. */
export const all = (options?: Types & { readonly system?: boolean }): EventFilter => ({
  _tag: "All",
  ...(options?.types === undefined ? {} : { types: options.types }),
  system: options?.system ?? false
})

/** What a filter looks at. */
export interface Subject {
  readonly stream: StreamName
  readonly category: string
  readonly type: string
}

/** The test that a filter is: built once, asked for every event. */
export const predicate = (filter: EventFilter): ((event: Subject) => boolean) => {
  switch (filter._tag) {
    case "Stream": {
      const typed = typePredicate(filter.types)
      return (event) => event.stream === filter.stream && typed(event.type)
    }
    case "Categories": {
      const byCategory = new Map<string, (type: string) => boolean>()
      for (const one of filter.categories) {
        const seen = byCategory.get(one.category)
        const typed = typePredicate(one.types)
        byCategory.set(one.category, seen === undefined ? typed : (type) => seen(type) || typed(type))
      }
      return (event) => byCategory.get(event.category)?.(event.type) ?? false
    }
    case "All": {
      const typed = typePredicate(filter.types)
      return (event) => (filter.system || !StreamNames.isSystemCategory(event.category)) && typed(event.type)
    }
  }
}

const typePredicate = (types: ReadonlyArray<string> | undefined): ((type: string) => boolean) => {
  if (types === undefined) return () => true
  const set = new Set(types)
  return (type) => set.has(type)
}

/** A filter in words, for messages. */
export const describe = (filter: EventFilter): string => {
  const typed = (types: ReadonlyArray<string> | undefined): string =>
    types === undefined ? "" : ` (${types.join(", ")})`
  switch (filter._tag) {
    case "Stream":
      return `stream ${filter.stream}${typed(filter.types)}`
    case "Categories": {
      const names = filter.categories.map((one) => one.category + typed(one.types)).join(", ")
      return `${filter.categories.length === 1 ? "category" : "categories"} ${names}`
    }
    case "All":
      return `all events${typed(filter.types)}`
  }
}
