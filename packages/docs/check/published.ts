// The packages that go to the registry: which they are, how they are emitted, and packed as the registry would get them.
import { globSync, readFileSync } from "node:fs"
import { dirname, join, sep } from "node:path"
import type { StepResult } from "./steps.ts"
import { type Finished, root, run } from "./workspace.ts"

/** What a package.json may say of the things that are read here. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly description?: string
  readonly license?: string
  readonly type?: string
  readonly files?: ReadonlyArray<string>
  readonly sideEffects?: boolean
  readonly bin?: string | Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | null>>
  readonly engines?: Readonly<Record<string, string>>
  readonly repository?: string | { readonly url?: string }
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean }
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** The package.json of a folder. */
export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest

/** The folders, from the root, of the packages that have no `private`. */
export const published: ReadonlyArray<string> = globSync("packages/*/package.json", { cwd: root })
  .map((path) => dirname(path).split(sep).join("/"))
  .toSorted()
  .filter((folder) => readManifest(join(root, folder)).private !== true)

/** A step's result by how a tool ended. */
export const byExitCode = ({ code, output }: Finished): StepResult => ({ ok: code === 0, output })

/** The pnpm that runs this script, whether it is a program of its own or a script for Node; else the one on the PATH. */
export const pnpm = (args: ReadonlyArray<string>): Promise<Finished> => {
  const { npm_execpath } = process.env
  const path = npm_execpath !== undefined && /pnpm[^/\\]*$/.test(npm_execpath) ? npm_execpath : "pnpm"
  return /\.[cm]?js$/.test(path) ? run(process.execPath, [path, ...args]) : run(path, args)
}

/** Packs the package of an absolute folder into a file. */
export const pack = (folder: string, tarball: string): Promise<Finished> =>
  pnpm(["-C", folder, "pack", "--out", tarball])
