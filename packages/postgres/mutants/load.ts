// load: imports the backend once more, with a mutant's edits, beside the whole one and in the same process.
import { missed, sources } from "@evolvent/testing/mutants"
import { registerHooks } from "node:module"
import type * as Postgres from "../src/Postgres.ts"
import type { Mutant } from "./Mutant.ts"

const src = new URL("../src/", import.meta.url).href
const { begin, hooks } = sources(src)
registerHooks(hooks)

/** The backend with a mutant's edits; fails where one of them does not apply. */
export const load = async ({ by }: Pick<Mutant, "by">): Promise<typeof Postgres> => {
  const loading = begin(by)
  const backend: typeof Postgres = await import(`${src}Postgres.ts${loading.query}`)
  const [file] = missed(loading) ?? []
  if (file !== undefined) throw new Error(`${file} is no file of the backend`)
  return backend
}
