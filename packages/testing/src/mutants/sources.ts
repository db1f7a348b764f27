// sources: the modules of a backend once more, with a few words of their text replaced, beside the whole ones in one process.

/** A replacement in a file of the backend; the text that is looked for must occur exactly once. */
export type Edit = readonly [file: string, find: string, replacement: string]

/** One broken backend on its way: what to append to the address of the module that is imported, and what became of its edits. */
export interface Loading {
  readonly query: string
  readonly by: ReadonlyArray<Edit>
  readonly applied: ReadonlySet<Edit>
}

/** The two functions that Node's `registerHooks` takes, and the way to break a backend once they are registered. */
export interface Sources {
  readonly hooks: {
    readonly resolve: <C extends { readonly parentURL?: string | undefined }, R extends { readonly url: string }>(
      specifier: string,
      context: C,
      next: (specifier: string, context: C) => R
    ) => R
    readonly load: <C, R extends { readonly source?: unknown }>(
      url: string,
      context: C,
      next: (url: string, context: C) => R
    ) => R
  }
  readonly begin: (by: ReadonlyArray<Edit>) => Loading
}

const mark = /\?mutant=(\d+)$/

const count = (text: string, part: string): number => text.split(part).length - 1

const textOf = (source: unknown): string =>
  typeof source === "string" ? source : new TextDecoder().decode(source as ArrayBuffer)

/**
 * Breaks the backend whose modules lie below a folder, given by its `file:` address with a slash at the end.
 *
 * A module that is imported with a mutant's query passes it on to whatever it imports from that folder; all else is shared
 * with the whole backend, so that services and errors stay the same ones. An edit whose text is not there exactly once fails
 * the import: it no longer means what it did.
 *
 * ```ts
 * import { missed, sources } from "@evolvent/testing/mutants"
 *
 * const backend = sources("file:///backend/src/")
 * // registerHooks(backend.hooks), which is from node:module
 * const loading = backend.begin([["append.ts", "Math.max(now, last)", "now"]])
 * // await import(`file:///backend/src/index.ts${loading.query}`), and then:
 * const unused = missed(loading)
 * ```
 */
export const sources = (folder: string): Sources => {
  const begun: Array<{ readonly by: ReadonlyArray<Edit>; readonly applied: Set<Edit> }> = []
  return {
    hooks: {
      resolve: (specifier, context, next) => {
        const resolved = next(specifier, context)
        const [query] = mark.exec(context.parentURL ?? "") ?? []
        return query !== undefined && resolved.url.startsWith(folder) && !mark.test(resolved.url)
          ? { ...resolved, url: resolved.url + query }
          : resolved
      },
      load: (url, context, next) => {
        const [query, number] = mark.exec(url) ?? []
        const mutant = begun[Number(number)]
        const loaded = next(url, context)
        if (query === undefined || mutant === undefined || !url.startsWith(folder)) return loaded
        const file = url.slice(folder.length, -query.length)
        let text = textOf(loaded.source)
        for (const edit of mutant.by) {
          const [of, find, replacement] = edit
          if (of !== file) continue
          const times = count(text, find)
          if (times !== 1) throw new Error(`${file} holds ${times} times, not once: ${find}`)
          text = text.split(find).join(replacement)
          mutant.applied.add(edit)
        }
        return { ...loaded, source: text }
      }
    },
    begin: (by) => {
      const mutant = { by, applied: new Set<Edit>() }
      return { query: `?mutant=${begun.push(mutant) - 1}`, ...mutant }
    }
  }
}

/** An edit of a file that was not imported, undefined where there is none: it breaks nothing. */
export const missed = ({ applied, by }: Loading): Edit | undefined => by.find((edit) => !applied.has(edit))
