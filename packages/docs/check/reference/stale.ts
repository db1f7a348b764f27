// Compares the pages in the repository with what the docstrings say now.
import { existsSync, globSync, readFileSync } from "node:fs"
import { join, sep } from "node:path"
import { folder } from "./pages.ts"

/** The pages that a folder holds, by their path in it. */
export const pagesIn = (root: string): ReadonlyMap<string, string> => {
  const at = join(root, folder)
  if (!existsSync(at)) return new Map()
  return new Map(
    globSync("**/*.md", { cwd: at })
      .toSorted()
      .map((path) => [path.split(sep).join("/"), readFileSync(join(at, path), "utf8").replaceAll("\r\n", "\n")])
  )
}

/** One line for each page that is missing, that is not what it should be, or that is there for no module. */
export const staleness = (
  found: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>
): ReadonlyArray<string> => [
  ...[...expected].flatMap(([path, text]) => {
    if (found.get(path) === text) return []
    return [
      `${folder}/${path} ${found.has(path) ? "is not what the docstrings say" : "is missing"}: run \`pnpm reference\``
    ]
  }),
  ...[...found.keys()]
    .filter((path) => !expected.has(path))
    .map((path) => `${folder}/${path} is of no public module: run \`pnpm reference\``)
]
