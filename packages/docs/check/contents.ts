// Reads a gzip'd tarball into memory, and writes one out: packed packages are small, and no tar program is asked for.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { gunzipSync } from "node:zlib"
import type { Manifest } from "./published.ts"
import type { Contents } from "./tarball.ts"

const block = 512

/** The text of a field of a header, which ends at the first NUL. */
const field = (bytes: Buffer, at: number, length: number): string =>
  (
    bytes
      .subarray(at, at + length)
      .toString("utf8")
      .split("\0")[0] ?? ""
  ).trim()

/** The files of a package's tarball by their path within `package/`. */
export const readTarball = (path: string): Contents => {
  const bytes = gunzipSync(readFileSync(path))
  const files = new Map<string, string>()
  for (let at = 0; at + block <= bytes.length;) {
    const header = bytes.subarray(at, at + block)
    const name = field(header, 0, 100)
    if (name === "") break
    const size = Number.parseInt(field(header, 124, 12) || "0", 8)
    const type = field(header, 156, 1)
    if (type !== "0" && type !== "") throw new Error(`${path}: ${name} is an entry of kind ${type}, not a plain file`)
    const prefix = field(header, 345, 155)
    const full = prefix === "" ? name : `${prefix}/${name}`
    files.set(full.replace(/^package\//, ""), bytes.subarray(at + block, at + block + size).toString("utf8"))
    at += block + Math.ceil(size / block) * block
  }
  return { manifest: JSON.parse(files.get("package.json") ?? "{}") as Manifest, files }
}

/** Writes a package's files into a folder. */
export const unpack = ({ files }: Contents, folder: string): void => {
  for (const [path, text] of files) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}
