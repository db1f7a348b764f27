// Chooses the server program: the given one, the machine's, the cache's, and at last one that is fetched.
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { NotFound } from "../NatsServerError.ts"
import { bring } from "./bring.ts"
import { found, type Found, isWanted, versionOf } from "./found.ts"
import { installHint } from "./hint.ts"

/** Which program is wanted. */
export interface Wanted {
  readonly binary?: string | undefined
  readonly version?: string | undefined
  readonly downloads?: string | undefined
}

/** The program to run. */
export const locate = Effect.fnUntraced(function* ({ binary, downloads, version }: Wanted) {
  if (binary !== undefined) return yield* given(path.resolve(binary), version)
  const all = yield* found
  return all.find((program) => isWanted(program.version, version)) ?? (yield* bring({ version, downloads, found: all }))
})

const given = Effect.fnUntraced(function* (binary: string, version: string | undefined) {
  const own = yield* versionOf(binary)
  if (own !== undefined && isWanted(own, version)) return { path: binary, version: own } satisfies Found
  const why =
    own !== undefined
      ? `The program ${binary} is version ${own}, but ${version} was asked for`
      : fs.existsSync(binary)
        ? `The program ${binary} does not run as a NATS server on this machine`
        : `There is no program ${binary}`
  return yield* new NotFound({
    problem: why,
    looked: [],
    hint: `Correct the option \`binary\`, or leave it out. ${installHint()}`
  })
})
