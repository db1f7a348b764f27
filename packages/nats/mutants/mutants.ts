// mutants: every way in which the backend on NATS is broken on purpose.
import { appends } from "./appends.ts"
import { buses } from "./buses.ts"
import { claims } from "./claims.ts"
import { commits } from "./commits.ts"
import { feeds } from "./feeds.ts"
import { imports } from "./imports.ts"
import { messages } from "./messages.ts"
import type { Mutant } from "./Mutant.ts"
import { opening } from "./opening.ts"
import { removals } from "./removals.ts"
import { rows } from "./rows.ts"
import { small } from "./small.ts"

/** All of them, each with the law that must notice it. */
export const mutants: ReadonlyArray<Mutant> = [
  ...appends,
  ...claims,
  ...messages,
  ...imports,
  ...feeds,
  ...opening,
  ...commits,
  ...small,
  ...rows,
  ...buses,
  ...removals
]
