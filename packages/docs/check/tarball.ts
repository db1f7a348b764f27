// Judges a packed package by its contents alone: all that a stranger's project would miss is said by name.
import { isBuiltin } from "node:module"
import { posix } from "node:path"
import { readImports } from "./imports.ts"
import type { Manifest } from "./published.ts"

/** What is in a tarball: the manifest that pnpm wrote, and each file's text by its path within the package. */
export interface Contents {
  readonly manifest: Manifest
  readonly files: ReadonlyMap<string, string>
}

const sections = ["dependencies", "peerDependencies", "optionalDependencies", "devDependencies"] as const

/** All that is wrong with a package; `siblings` are the versions of those that are published with it. */
export const judge = (contents: Contents, siblings: ReadonlyMap<string, string>): ReadonlyArray<string> =>
  [
    ...saysWhatItIs(contents),
    ...judgeRanges(contents, siblings),
    ...judgeExports(contents),
    ...judgeFiles(contents),
    ...judgeImports(contents)
  ].map((problem) => `${contents.manifest.name}: ${problem}`)

const saysWhatItIs = ({ files, manifest }: Contents): ReadonlyArray<string> => {
  const problems: Array<string> = []
  for (const key of ["description", "license", "files", "sideEffects"] as const) {
    if (manifest[key] === undefined) problems.push(`package.json says no "${key}"`)
  }
  if (manifest.type !== "module") problems.push(`package.json does not say "type": "module"`)
  if (manifest.engines?.["node"] === undefined) problems.push(`package.json says no "engines.node"`)
  for (const shared of ["effect", "evolvent"]) {
    const isOwn = manifest.dependencies?.[shared] !== undefined
    const isMissing = shared === "effect" && manifest.peerDependencies?.[shared] === undefined
    if (isOwn || isMissing) problems.push(`"${shared}" is no peer dependency: an application could have two of it`)
  }
  for (const script of ["preinstall", "install", "postinstall", "prepare"]) {
    if (manifest.scripts?.[script] !== undefined) problems.push(`the script "${script}" would run at its users'`)
  }
  for (const file of ["README.md", "LICENSE"]) {
    if (!files.has(file)) problems.push(`it has no ${file}`)
  }
  return problems
}

/** What a workspace writes for its own packages means nothing in a registry. */
const judgeRanges = ({ manifest }: Contents, siblings: ReadonlyMap<string, string>): ReadonlyArray<string> =>
  sections.flatMap((section) =>
    Object.entries(manifest[section] ?? {}).flatMap(([name, range]) => {
      const sibling = siblings.get(name)
      if (/^(workspace|catalog|link|file|portal):/.test(range)) return [`${section} asks for ${name} as "${range}"`]
      if (sibling === undefined || range === `^${sibling}`) return []
      return [`${section} asks for ${name} as "${range}", and ${sibling} is published with it`]
    })
  )

const judgeExports = ({ files, manifest }: Contents): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const bins = typeof manifest.bin === "string" ? { [manifest.name]: manifest.bin } : (manifest.bin ?? {})
  if (manifest.exports === undefined && Object.keys(bins).length === 0) problems.push("it exports nothing")
  for (const [key, target] of Object.entries(manifest.exports ?? {})) {
    if (target === null || key === "./package.json") continue
    const [before = "", after] = target.replace(/^\.\//, "").split("*")
    const found = [...files.keys()].filter((file) =>
      after === undefined ? file === before : file.startsWith(before) && file.endsWith(after)
    )
    if (!target.startsWith("./dist/")) problems.push(`"${key}" leads to ${target}, which is not emitted code`)
    else if (found.length === 0) problems.push(`"${key}" leads to ${target}, and there is no such file`)
    for (const file of found) {
      if (!files.has(file.replace(/\.js$/, ".d.ts")))
        problems.push(`"${key}" has no types: ${file} comes without a .d.ts`)
    }
  }
  for (const [name, target] of Object.entries(bins)) {
    const text = files.get(target.replace(/^\.\//, ""))
    if (text === undefined) problems.push(`the command ${name} leads to ${target}, and there is no such file`)
    else if (!text.startsWith("#!"))
      problems.push(`the command ${name} does not begin with "#!", so that no shell runs it`)
  }
  return problems
}

/** Only what package.json promises, and nothing of the workshop. */
const judgeFiles = ({ files, manifest }: Contents): ReadonlyArray<string> => {
  const promised = (manifest.files ?? []).filter((each) => !each.startsWith("!"))
  return [...files.keys()].flatMap((file) => {
    if (/\.(test|tst)\.|\.tsbuildinfo$|(^|\/)tsconfig|(^|\/)node_modules\//.test(file))
      return [`${file} is for us, not for users`]
    if (["package.json", "README.md", "LICENSE", "CHANGELOG.md"].includes(file)) return []
    return promised.some((each) => file === each || file.startsWith(`${each.replace(/\/$/, "")}/`))
      ? []
      : [`${file} is packed, and "files" does not name it`]
  })
}

/** The package's own files that a relative import, or a source map, may mean. */
const resolutions = (from: string, specifier: string): ReadonlyArray<string> => {
  const path = posix.join(posix.dirname(from), specifier)
  return from.endsWith(".d.ts") ? [path.replace(/\.[jt]s$/, ".d.ts"), path] : [path]
}

const judgeImports = ({ files, manifest }: Contents): ReadonlyArray<string> => {
  const declared = new Set([
    manifest.name,
    ...sections.slice(0, 3).flatMap((each) => Object.keys(manifest[each] ?? {}))
  ])
  const problems = new Set<string>()
  for (const [file, text] of files) {
    if (!file.startsWith("dist/")) continue
    if (file.endsWith(".map")) {
      const { sources = [] } = JSON.parse(text) as { readonly sources?: ReadonlyArray<string> }
      for (const source of sources) {
        if (!files.has(posix.join(posix.dirname(file), source)))
          problems.add(`${file} maps to ${source}, which is not packed`)
      }
    } else if (/\.(js|d\.ts)$/.test(file)) {
      for (const { specifier } of readImports(file, text)) {
        if (specifier === undefined || isBuiltin(specifier)) continue
        if (specifier.startsWith(".")) {
          const exists = resolutions(file, specifier).some((each) => files.has(each))
          if (!exists) problems.add(`${file} imports ${specifier}, which is not packed`)
          continue
        }
        const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")
        if (!declared.has(name)) problems.add(`${file} imports ${name}, which package.json does not ask for`)
      }
    }
  }
  return [...problems]
}
