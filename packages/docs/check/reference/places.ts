// Where things stand in the reference: which page and heading a name means that a docstring says.
import { posix } from "node:path"
import { anchorsOf } from "./anchors.ts"
import type { Exported, ModuleExports } from "./exports.ts"

/** The pages of the reference, and which of them tells of what. */
export interface Places {
  /** The module whose page shows an export in full: its own file's, else the first that has it. */
  readonly home: (exported: Exported) => ModuleExports | undefined
  /** A link from a module's page to an export of a module. */
  readonly link: (from: ModuleExports, to: ModuleExports, exported?: Exported) => string
  /** A link from a module's page to what `make`, `Aggregate.make` or `EventStore.append` means there; undefined if nothing. */
  readonly resolve: (from: ModuleExports, name: string) => string | undefined
  /** The module that is called so. */
  readonly module: (from: ModuleExports, name: string) => ModuleExports | undefined
}

/** Looks the names of these modules up. */
export const placesOf = (all: ReadonlyArray<ModuleExports>): Places => {
  const pages = all.filter(({ isBarrel }) => !isBarrel)
  const homes = new Map<Exported["identity"], ModuleExports>()
  for (const page of pages) {
    for (const { identity, path } of page.exports) {
      if (!homes.has(identity) || path === page.module.path) homes.set(identity, page)
    }
  }
  const anchors = new Map(
    pages.map((page) => [page, anchorsOf([page.module.name, ...page.exports.map(({ name }) => name)]).slice(1)])
  )

  const link: Places["link"] = (from, to, exported) => {
    const page = from === to ? "" : posix.relative(posix.dirname(from.module.page), to.module.page)
    return exported === undefined ? page : `${page}#${anchors.get(to)?.[to.exports.indexOf(exported)] ?? ""}`
  }

  /** The modules, those of the same package first. */
  const nearest = (from: ModuleExports): ReadonlyArray<ModuleExports> => [
    ...pages.filter(({ module }) => module.packageName === from.module.packageName),
    ...pages.filter(({ module }) => module.packageName !== from.module.packageName)
  ]

  const module: Places["module"] = (from, name) => nearest(from).find((each) => each.module.name === name)

  const exportOf = (page: ModuleExports | undefined, name: string) =>
    page?.exports.find((exported) => exported.name === name)

  const resolve: Places["resolve"] = (from, text) => {
    const [first = "", second] = text.split(".")
    const own = exportOf(from, first)
    const named = module(from, first)
    if (second === undefined) {
      if (own !== undefined) return link(from, from, own)
      const other = nearest(from).find((page) => exportOf(page, first) !== undefined)
      const exported = exportOf(other, first)
      if (other !== undefined && exported !== undefined) return link(from, other, exported)
      return named === undefined ? undefined : link(from, named)
    }
    const inside = exportOf(named, second)
    if (named !== undefined && inside !== undefined) return link(from, named, inside)
    for (const page of [from, ...nearest(from)]) {
      const exported = exportOf(page, first)
      if (exported?.members.includes(second) === true) return link(from, page, exported)
    }
    return undefined
  }

  return { home: ({ identity }) => homes.get(identity), link, resolve, module }
}
