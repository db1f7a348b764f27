// load: imports the backend once more, with a mutant's edits, beside the whole one and in the same process.
import { registerHooks } from "node:module"
import type * as Postgres from "../src/Postgres.ts"
import type { Edit, Mutant } from "./Mutant.ts"

const src = new URL("../src/", import.meta.url).href
const query = /\?mutant=(\d+)$/

const loading: Array<{ readonly by: ReadonlyArray<Edit>; readonly applied: Set<Edit> }> = []

const count = (text: string, part: string): number => text.split(part).length - 1

// Every module of a mutant has its number as a query, and so has what it imports from `src`: the rest is shared.
registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context)
    const [mark] = query.exec(context.parentURL ?? "") ?? []
    return mark !== undefined && resolved.url.startsWith(src) && !query.test(resolved.url)
      ? { ...resolved, url: resolved.url + mark }
      : resolved
  },
  load: (url, context, next) => {
    const [mark, number] = query.exec(url) ?? []
    const mutant = loading[Number(number)]
    if (mark === undefined || mutant === undefined) return next(url, context)
    const loaded = next(url, context)
    const file = url.slice(src.length, -mark.length)
    let text = String(loaded.source instanceof ArrayBuffer ? Buffer.from(loaded.source) : loaded.source)
    for (const edit of mutant.by) {
      const [of, find, replacement] = edit
      if (of !== file) continue
      if (count(text, find) !== 1) throw new Error(`${file} holds ${count(text, find)} times, not once: ${find}`)
      text = text.split(find).join(replacement)
      mutant.applied.add(edit)
    }
    return { ...loaded, source: text }
  }
})

/** The backend with a mutant's edits; fails where one of them does not apply. */
export const load = async ({ by }: Pick<Mutant, "by">): Promise<typeof Postgres> => {
  const mutant = { by, applied: new Set<Edit>() }
  const number = loading.push(mutant) - 1
  const backend: typeof Postgres = await import(`${src}Postgres.ts?mutant=${number}`)
  const missed = by.find((edit) => !mutant.applied.has(edit))
  if (missed !== undefined) throw new Error(`${missed[0]} is no file of the backend`)
  return backend
}
