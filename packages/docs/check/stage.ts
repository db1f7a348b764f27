// A copy of the published packages outside of the workspace, emitted and packed there: nobody's dist is touched or trusted.
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { basename, join } from "node:path"
import { type Manifest, pack, published, readManifest } from "./published.ts"
import { root, tool } from "./workspace.ts"

/** A packed package: its folder in the workspace, its manifest as written there, and the tarball. */
export interface Packed {
  readonly folder: string
  readonly manifest: Manifest
  readonly tarball: string
}

const copy = (from: string, to: string): void => {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) {
    // What is generated stays behind. The links in node_modules are relative: in the copy they lead to the copies.
    if (name !== "dist" && !name.startsWith("."))
      cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true })
  }
}

/** Copies, emits and packs packages, by their folders; throws with what the tool said if that fails. */
export const stage = async (into: string, folders = published): Promise<ReadonlyArray<Packed>> => {
  mkdirSync(into, { recursive: true })
  for (const name of ["package.json", "pnpm-workspace.yaml", "tsconfig.base.json", "LICENSE"]) {
    cpSync(join(root, name), join(into, name))
  }
  symlinkSync(join(root, "node_modules"), join(into, "node_modules"), "junction")
  for (const folder of folders) copy(join(root, folder), join(into, folder))
  const emitted = await tool("typescript", ["-b", ...folders.map((folder) => join(into, folder))])
  if (emitted.code !== 0) throw new Error(`the packages do not compile outside of the workspace:\n${emitted.output}`)
  const packed: Array<Packed> = []
  for (const folder of folders) {
    const tarball = join(into, `${basename(folder)}.tgz`)
    const { code, output } = await pack(join(into, folder), tarball)
    if (code !== 0 || !existsSync(tarball)) throw new Error(`${folder} cannot be packed:\n${output}`)
    packed.push({ folder, manifest: readManifest(join(root, folder)), tarball })
  }
  return packed
}
