// `pnpm reference`: writes the reference, a page for each public module, of what its docstrings and signatures say.
// Why not typedoc: it writes out every type, and what each class inherits from Effect's: 2 MB of pages for four modules.
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { formatProblem } from "../examples.ts"
import { published } from "../published.ts"
import type { StepResult } from "../steps.ts"
import { root } from "../workspace.ts"
import { readExports } from "./exports.ts"
import { publicPackages } from "./modules.ts"
import { folder, makePages, type Reference } from "./pages.ts"
import { pagesIn, staleness } from "./stale.ts"

/** Makes the reference of the packages in these folders, without writing it. */
export const makeReference = async (root: string, folders: ReadonlyArray<string>): Promise<Reference> => {
  const packages = publicPackages(root, folders)
  const modules = packages.flatMap(({ modules }) => modules)
  return makePages(packages, await readExports(root, modules))
}

/** The step of `pnpm check`: everything public has a docstring, and the pages are what the docstrings say. */
export const checkReference = async (): Promise<StepResult> => {
  const { pages, problems } = await makeReference(root, published)
  const output = [...problems.map(formatProblem), ...staleness(pagesIn(root), pages)]
  return { ok: output.length === 0, output: output.join("\n") }
}

if (process.argv[1] === import.meta.filename) {
  const { pages, problems } = await makeReference(root, published)
  for (const stale of pagesIn(root).keys()) if (!pages.has(stale)) rmSync(join(root, folder, stale))
  for (const [path, text] of pages) {
    mkdirSync(dirname(join(root, folder, path)), { recursive: true })
    writeFileSync(join(root, folder, path), text)
  }
  for (const problem of problems) console.error(formatProblem(problem))
  console.log(`${folder}: ${pages.size} pages, ${problems.length} problems`)
  process.exitCode = problems.length > 0 ? 1 : 0
}
