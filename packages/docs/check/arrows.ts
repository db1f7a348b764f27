// The arrows of the house: which package may import what, proven over the text of its files.
import { isBuiltin } from "node:module"
import { findCycles } from "./cycles.ts"
import { checkDomain, isDomainFile } from "./domain.ts"
import { type Import, readImports } from "./imports.ts"
import type { SourceFile } from "./workspace.ts"

/** One import or word that breaks a rule. */
export interface Violation {
  readonly rule: string
  readonly path: string
  readonly line: number
  readonly message: string
}

/** `effect <- core <- { postgres, nats, testing, embedded-postgres, nats-server } <- { cli, examples, benchmarks, docs }`. */
const tiers: ReadonlyArray<ReadonlyArray<string>> = [
  ["core"],
  ["postgres", "nats", "testing", "embedded-postgres", "nats-server"],
  ["cli", "examples", "benchmarks", "docs"]
]

/** What the tests of a backend use beside it. */
const forTests: ReadonlySet<string> = new Set(["testing", "embedded-postgres", "nats-server"])

/** Where the module of whoever calls a program is loaded, by the path that they give: nobody can name it here. */
const loadsByPath: ReadonlySet<string> = new Set(["packages/cli/src/application.ts"])

const tierOf = (folder: string): number => tiers.findIndex((tier) => tier.includes(folder))

/** The packages' folders by their npm names: `evolvent` is core, `@evolvent/x` is x. */
const folderOf = (specifier: string): string | undefined => {
  if (specifier === "evolvent" || specifier.startsWith("evolvent/")) return "core"
  return /^@evolvent\/([^/]+)/.exec(specifier)?.[1]
}

const packagePath = /^packages\/([^/]+)\/(.+)$/

interface Place {
  readonly path: string
  readonly folder: string
  /** In `src`, which is published, and not a test that lies beside it. */
  readonly isSource: boolean
}

const placeOf = (path: string): Place | undefined => {
  const match = packagePath.exec(path)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  return { path, folder: match[1], isSource: match[2].startsWith("src/") && !match[2].endsWith(".test.ts") }
}

/** What a relative specifier points to, as a path from the root. */
export const resolveRelative = (from: string, specifier: string): string => {
  const parts = from.split("/").slice(0, -1)
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== ".") parts.push(part)
  }
  return parts.join("/")
}

type Found = readonly [rule: string, message: string]

/** The rules that one import can break, the most telling first. */
const judge = (place: Place, { specifier }: Import, isStable: (name: string) => boolean): Found | undefined => {
  const { folder, isSource, path } = place
  if (specifier === undefined) {
    return isSource && !loadsByPath.has(path)
      ? ["computed", "a computed import cannot be checked: name the module"]
      : undefined
  }
  if (specifier.startsWith(".") || specifier.startsWith("/")) {
    if (resolveRelative(path, specifier).startsWith(`packages/${folder}/`)) return undefined
    return ["path", `"${specifier}" leaves its package: import the other one by its npm name`]
  }
  if (isBuiltin(specifier)) {
    return isSource && (folder === "core" || folder === "testing")
      ? ["node", `"${specifier}" is Node's: ${folder} runs wherever Effect runs`]
      : undefined
  }
  const target = folderOf(specifier)
  if (target !== undefined) return judgePackage(place, specifier, target)
  if (!isSource) return undefined
  if (folder === "core") {
    const name = /^effect\/(.+)$/.exec(specifier)?.[1]
    if (name === undefined) {
      return ["core-deep-effect", `core imports effect's modules one by one ("effect/Effect"), not "${specifier}"`]
    }
    return isStable(name) ? undefined : ["core-stable", `"${specifier}" is not marked @stability stable`]
  }
  if (folder === "testing" && specifier !== "effect" && !specifier.startsWith("effect/")) {
    return ["testing-narrow", `testing imports effect and core, not "${specifier}"`]
  }
  return undefined
}

const judgePackage = ({ folder, isSource }: Place, specifier: string, target: string): Found | undefined => {
  if (target === folder) {
    return isSource ? ["self", `"${specifier}" is this very package: use a relative path`] : undefined
  }
  if (/\/internal(\/|$)/.test(specifier)) return ["internal", `"${specifier}" is internal to ${target}`]
  // A backend's own tests run the conformance suites, on a server that they start: these may look sideways.
  if (!isSource && forTests.has(target) && tierOf(folder) === 1) return undefined
  if (tierOf(target) < 0) return ["arrow", `"${specifier}" has no place in the house: add its tier to arrows.ts`]
  if (tierOf(target) >= tierOf(folder)) return ["arrow", `${folder} must not import ${target} ("${specifier}")`]
  return undefined
}

/**
 * All violations in these files, which are passed as text, so that a rule can be tried on a line.
 * Paths are from the workspace's root, as in `packages/core/src/Aggregate.ts`.
 */
export const checkArrows = (
  files: ReadonlyArray<SourceFile>,
  isStable: (effectModule: string) => boolean
): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  const edges = new Map<string, Array<string>>()
  for (const { path, text } of files) {
    const place = placeOf(path)
    if (place === undefined) continue
    if (tierOf(place.folder) < 0) {
      violations.push({ rule: "arrow", path, line: 1, message: `${place.folder} has no tier: add it to arrows.ts` })
      continue
    }
    const imports = readImports(path, text)
    for (const each of imports) {
      const found = judge(place, each, isStable)
      if (found !== undefined) violations.push({ rule: found[0], path, line: each.line, message: found[1] })
    }
    // Types are erased: modules that only name each other's types do not wait for each other.
    if (place.isSource) {
      edges.set(
        path,
        imports.flatMap(({ specifier, typeOnly }) =>
          !typeOnly && specifier?.startsWith(".") === true ? [resolveRelative(path, specifier)] : []
        )
      )
    }
    if (isDomainFile(path)) violations.push(...checkDomain({ path, text }, imports))
  }
  for (const cycle of findCycles(edges)) {
    const [path = ""] = cycle
    violations.push({ rule: "cycle", path, line: 1, message: `import cycle: ${[...cycle, path].join(" -> ")}` })
  }
  return violations
}

/** One line per violation, as an editor can follow it. */
export const formatViolation = ({ rule, path, line, message }: Violation): string =>
  `${path}:${line}: [${rule}] ${message}`
