// mutants: every way in which the PostgreSQL backend is broken on purpose.
import { appends } from "./appends.ts"
import { imports } from "./imports.ts"
import type { Mutant } from "./Mutant.ts"
import { order } from "./order.ts"
import { reads } from "./reads.ts"
import { removals } from "./removals.ts"
import { small } from "./small.ts"

/** All of them, each with the law that must notice it. */
export const mutants: ReadonlyArray<Mutant> = [...order, ...appends, ...reads, ...removals, ...imports, ...small]
