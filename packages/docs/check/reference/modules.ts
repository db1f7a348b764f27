// Which modules are public: what the `exports` of the published packages lead to, each with its specifier and its page.
import { globSync, readFileSync } from "node:fs"
import { join, sep } from "node:path"
import { readManifest } from "../published.ts"

/** A module that a user can import. */
export interface Module {
  /** The package's name, as `@evolvent/postgres`. */
  readonly packageName: string
  /** What an import of it says, as `@evolvent/postgres/Postgres`. */
  readonly specifier: string
  /** What it is called: the last part of the specifier where that is a namespace's name, else all of it. */
  readonly name: string
  /** Its file, from the root with forward slashes. */
  readonly path: string
  /** Its page, from the folder of the reference. */
  readonly page: string
  /** What its first line says of it, without the name before it. */
  readonly header: string
}

/** A published package and the modules that it exports. */
export interface Package {
  readonly name: string
  readonly description: string
  readonly modules: ReadonlyArray<Module>
}

/** The comment at the top of a file, without the name of the module that it begins with. */
export const headerOf = (text: string): string => {
  const lines = text.split(/\r?\n/)
  const end = lines.findIndex((line) => !line.startsWith("//"))
  const header = lines
    .slice(0, end < 0 ? lines.length : end)
    .map((line) => line.replace(/^\/\/ ?/, ""))
    .join("\n")
    .trim()
  return header.replace(/^(?:\S+|\S+ and \S+): /, "")
}

/** Whether a subpath is one that the pattern of `exports` stands for; a star stands for slashes too. */
const matches = (pattern: string, subpath: string): boolean => {
  const [before = "", after] = pattern.split("*")
  if (after === undefined) return pattern === subpath
  return subpath.length >= before.length + after.length && subpath.startsWith(before) && subpath.endsWith(after)
}

/** The subpaths of an entry of `exports`, each with its file. */
const expand = (folder: string, key: string, target: string): ReadonlyArray<readonly [string, string]> => {
  const [before = "", after] = target.split("*")
  if (after === undefined) return [[key, target]]
  return globSync(`${before}**/*${after}`, { cwd: folder })
    .map((found) => `./${found.split(sep).join("/")}`)
    .toSorted()
    .map((file) => [key.replace("*", file.slice(before.length, file.length - after.length)), file] as const)
}

/** The public modules of the packages in these folders, in the order of `exports` and then of the names. */
export const publicPackages = (root: string, folders: ReadonlyArray<string>): ReadonlyArray<Package> =>
  folders.map((folder) => {
    const manifest = readManifest(join(root, folder))
    const entries = Object.entries(manifest.exports ?? {})
    const hidden = entries.flatMap(([key, target]) => (target === null ? [key] : []))
    const taken = new Set<string>()
    const modules = entries
      .flatMap(([key, target]) => (target === null ? [] : expand(join(root, folder), key, target)))
      .flatMap(([subpath, file]): ReadonlyArray<Module> => {
        const isModule = /(?<!\.test|\.d)\.ts$/.test(file) && !hidden.some((pattern) => matches(pattern, subpath))
        if (!isModule || taken.has(file)) return []
        taken.add(file)
        const short = manifest.name.replace(/^@.*\//, "")
        const inside = subpath.replace(/^\.\/?/, "")
        return [
          {
            packageName: manifest.name,
            specifier: inside === "" ? manifest.name : `${manifest.name}/${inside}`,
            name:
              inside === "" ? manifest.name : (/(?:^|\/)([A-Z]\w*)$/.exec(inside)?.[1] ?? `${manifest.name}/${inside}`),
            path: `${folder}/${file.slice(2)}`,
            page: `${short}/${inside === "" ? short : inside}.md`,
            header: headerOf(readFileSync(join(root, folder, file), "utf8"))
          }
        ]
      })
    return { name: manifest.name, description: manifest.description ?? "", modules }
  })
