// The pages of the reference: one for each public module, and an index of them all.
import { posix } from "node:path"
import type { Problem } from "../blocks.ts"
import { firstSentence, render } from "./docstrings.ts"
import type { Exported, ModuleExports } from "./exports.ts"
import type { Package } from "./modules.ts"
import { type Places, placesOf } from "./places.ts"

/** The reference: its pages by their path in its folder, and what the docstrings lack. */
export interface Reference {
  readonly pages: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<Problem>
}

const notice = "<!-- Made of the docstrings by `pnpm reference`: edit those, and run it again. -->"

/** Where the pages are, from the root. */
export const folder = "packages/docs/reference"

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

const namedAbove = "## Named above\n\nWhat these signatures name, and no module exports."

const importLine = ({ module }: ModuleExports, hasBarrel: boolean): string => {
  if (module.name.includes(module.packageName)) {
    return `\`import { … } from "${module.specifier}"\``
  }
  const own = `\`import * as ${module.name} from "${module.specifier}"\``
  return hasBarrel ? `${own}, or \`import { ${module.name} } from "${module.packageName}"\`` : own
}

/** What a page says of one export. */
const entry = (page: ModuleExports, exported: Exported, places: Places, problems: Array<Problem>): string => {
  const { name, path, line, signature, docstring } = exported
  const { markdown, unresolved } = render(docstring ?? "", page, places)
  const home = places.home(exported)
  if (home !== undefined && home !== page) {
    const there = home.exports.find(({ identity }) => identity === exported.identity) ?? exported
    const link = `[\`${home.module.name}.${there.name}\`](${places.link(page, home, there)})`
    return `## ${name}\n\nThe same as ${link}. ${firstSentence(markdown)}`
  }
  if (docstring === undefined || docstring === "") {
    const message = `"${name}" of ${page.module.specifier} has no docstring: say in a sentence what it is`
    problems.push({ path, line, message })
  }
  for (const target of unresolved) {
    const message = `"${name}" of ${page.module.specifier} links to "${target}", which nothing public is called`
    problems.push({ path, line, message })
  }
  return [`## ${name}`, `\`\`\`ts\n${signature}\n\`\`\``, ...(markdown === "" ? [] : [markdown])].join("\n\n")
}

const modulePage = (page: ModuleExports, places: Places, hasBarrel: boolean, problems: Array<Problem>): string => {
  const { module, exports, named } = page
  if (module.header === "") {
    const message = `${module.specifier} has no header: its first line is a comment that says what it is`
    problems.push({ path: module.path, line: 1, message })
  }
  const source = posix.relative(posix.dirname(`${folder}/${module.page}`), module.path)
  const contents = (title: string, isType: boolean): ReadonlyArray<string> => {
    const some = exports.filter((exported) => exported.isType === isType)
    const links = some.map((exported) => `[${exported.name}](${places.link(page, page, exported)})`)
    return links.length === 0 ? [] : [`${title}: ${links.join(", ")}`]
  }
  const parts = [
    notice,
    `# ${module.name}`,
    capital(render(module.header, page, places).markdown),
    `${importLine(page, hasBarrel)}; [source](${source}).`,
    ...contents("Values", false),
    ...contents("Types", true),
    ...exports.map((exported) => entry(page, exported, places, problems)),
    ...(named.length === 0 ? [] : [namedAbove, `\`\`\`ts\n${named.join("\n\n")}\n\`\`\``])
  ]
  return `${parts.join("\n\n")}\n`
}

const indexPage = (packages: ReadonlyArray<Package>, all: ReadonlyArray<ModuleExports>): string => {
  const parts = packages.flatMap(({ name, description }) => {
    const modules = all.filter(({ module, isBarrel }) => module.packageName === name && !isBarrel)
    const lines = modules.map(({ module }) => `- [${module.name}](${module.page}): ${firstSentence(module.header)}`)
    return modules.length === 0 ? [] : [`## ${name}`, `${description}.`, lines.join("\n")]
  })
  const intro =
    "What each public module exports: its signatures, and its docstrings with their examples, which are compiled and run by\n" +
    "`pnpm check`. How the parts work together is told by the [guide](../guide/tour.md)."
  return `${[notice, "# Reference", intro, ...parts].join("\n\n")}\n`
}

/** Makes the pages of what was read. */
export const makePages = (packages: ReadonlyArray<Package>, all: ReadonlyArray<ModuleExports>): Reference => {
  const problems: Array<Problem> = []
  const places = placesOf(all)
  const barrels = new Set(all.filter(({ isBarrel }) => isBarrel).map(({ module }) => module.specifier))
  const pages = new Map([["README.md", indexPage(packages, all)]])
  for (const page of all) {
    if (page.isBarrel) continue
    pages.set(page.module.page, modulePage(page, places, barrels.has(page.module.packageName), problems))
  }
  return { pages, problems }
}
