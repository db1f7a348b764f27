// Which modules of effect are stable: each module's first comment carries `@stability`, and that tag is the rule.
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** The tag in a module's header: the comment above everything else, not the tags of the single exports below it. */
export const headerStability = (text: string): string | undefined => {
  const header = /^\s*(?:\/\/[^\n]*\n\s*)*\/\*\*[\s\S]*?\*\//.exec(text)?.[0]
  return header === undefined ? undefined : /@stability\s+(\w+)/.exec(header)?.[1]
}

// package.json is exported, so this finds the installed effect without knowing where it is.
const source = join(dirname(fileURLToPath(import.meta.resolve("effect/package.json"))), "src")

/** Whether `effect/<name>` is a stable module of the installed effect; barrels (`sql`, `index`) are not modules. */
export const isStableEffectModule = (name: string): boolean => {
  if (!/^([a-z][\w-]*\/)?[A-Z]\w*$/.test(name)) return false
  const path = join(source, `${name}.ts`)
  return existsSync(path) && headerStability(readFileSync(path, "utf8")) === "stable"
}
