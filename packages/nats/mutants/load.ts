// load: imports the backend once more, with a mutant's edits, beside the whole one and in the same process.
import { missed, sources } from "@evolvent/testing/mutants"
import { registerHooks } from "node:module"
import type { Backend } from "../test/laws/Bench.ts"
import type { Mutant } from "./Mutant.ts"

const { begin, hooks } = sources(new URL("../src/", import.meta.url).href)
registerHooks(hooks)

const entry = new URL("../test/laws/Backend.ts", import.meta.url).href

/** The backend with a mutant's edits; fails where one of them does not apply. */
export const load = async ({ by }: Pick<Mutant, "by">): Promise<Backend> => {
  const loading = begin(by)
  const backend: Backend = await import(entry + loading.query)
  const [file] = missed(loading) ?? []
  if (file !== undefined) throw new Error(`${file} is no file of the backend`)
  return backend
}
