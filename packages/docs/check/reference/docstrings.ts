// A docstring as Markdown: `{@link X}` and code that names something public become links; fenced blocks stay as they are.
import type { ModuleExports } from "./exports.ts"
import type { Places } from "./places.ts"

/** The Markdown of a docstring, and the names that it links to and nobody has. */
export interface Rendered {
  readonly markdown: string
  readonly unresolved: ReadonlyArray<string>
}

const fenced = /^( *```[\s\S]*?^ *```)$/m

// A link that is written out comes first: what stands in it is not looked at again.
const linkable = /\[[^\]]*\]\([^)]*\)|\{@link\s+([^}|\s]+)\s*(?:\|\s*([^}]*?)\s*)?\}|`([A-Z]\w*(?:\.\w+)*)`/g

/** Renders a docstring for the page of a module. */
export const render = (docstring: string, page: ModuleExports, places: Places): Rendered => {
  const unresolved: Array<string> = []
  const linked = (text: string): string =>
    text.replaceAll(linkable, (all: string, target?: string, label?: string, code?: string) => {
      if (target !== undefined) {
        const place = places.resolve(page, target)
        if (place === undefined) unresolved.push(target)
        return place === undefined ? `\`${target}\`` : `[${label ?? `\`${target}\``}](${place})`
      }
      if (code === undefined) return all
      // A single word is a link only where it is the name of another module: the names of one's own page are near enough.
      const isNamed = code.includes(".") || (places.module(page, code) ?? page) !== page
      const place = isNamed ? places.resolve(page, code) : undefined
      return place === undefined ? all : `[${all}](${place})`
    })
  const markdown = docstring
    .split(fenced)
    .map((part, index) => (index % 2 === 0 ? linked(part) : part))
    .join("")
  return { markdown, unresolved }
}

/** The first sentence of a text. */
export const firstSentence = (text: string): string => {
  const [paragraph = ""] = text.split(/\n\s*\n/)
  const flat = paragraph.replaceAll("\n", " ")
  return /^.*?[.!?](?=\s|$)/.exec(flat)?.[0] ?? flat
}
