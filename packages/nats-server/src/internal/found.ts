// Finds the servers of this machine: on the PATH first, then in the cache, the newest first.
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { cached } from "./cache.ts"
import { run } from "./run.ts"

/** A server program that runs on this machine. */
export interface Found {
  readonly path: string
  /** As in "2.10.27". */
  readonly version: string
}

/** The version that a program says it is; undefined when it does not run, or is no NATS server. */
export const versionOf = (program: string): Effect.Effect<string | undefined> =>
  Effect.map(run(program, ["-v"]), ({ ok, out }) => (ok ? /nats-server: v?(\d[\w.+-]*)/.exec(out)?.[1] : undefined))

/** Where a program of this name is on the PATH. */
export const onPath = (name: string): ReadonlyArray<string> =>
  (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter(Boolean)
    // Distributions put servers into sbin, which is not on the PATH of ordinary users.
    .flatMap((folder) => (path.basename(folder) === "bin" ? [folder, path.join(folder, "..", "sbin")] : [folder]))
    .map((folder) => path.resolve(folder, name))
    .filter((file) => fs.existsSync(file))

/** Compares versions by their numbers; a candidate for a release comes before it. */
export const compareVersions = (left: string, right: string): number => {
  const [one, two] = [left, right].map((version) => version.split(/[-+]/)[0]?.split(".").map(Number) ?? [])
  for (let index = 0; index < 3; index++) {
    const difference = (one?.[index] ?? 0) - (two?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return Number(right.includes("-")) - Number(left.includes("-"))
}

/** Whether a version is the one that is wanted: "2.10" wants any of 2.10. */
export const isWanted = (version: string, wanted: string | undefined): boolean =>
  wanted === undefined || version === wanted || version.startsWith(`${wanted}.`)

/** Every server that runs here: the machine's own in the PATH's order, then the cached ones from new to old. */
export const found: Effect.Effect<ReadonlyArray<Found>> = Effect.suspend(() => {
  const newest = [...cached()].sort((left, right) => compareVersions(right.version, left.version))
  const programs = [...onPath("nats-server"), ...newest.map((program) => program.path)]
  const seen = new Set<string>()
  const different = programs.filter((program) => {
    const real = fs.realpathSync(program)
    return seen.has(real) ? false : seen.add(real)
  })
  return Effect.map(
    Effect.forEach(different, (program) => Effect.map(versionOf(program), (version) => ({ path: program, version })), {
      concurrency: 4
    }),
    (all) => all.flatMap(({ path, version }) => (version === undefined ? [] : [{ path, version }]))
  )
})
