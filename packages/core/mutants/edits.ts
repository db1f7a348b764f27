// Every broken core, for `pnpm mutants core [item…]` and `pnpm mutants evolution`.
import { archives } from "./archives.ts"
import { audits } from "./audit.ts"
import { caches } from "./caches.ts"
import type { Mutant } from "./Mutant.ts"
import { observability } from "./observability.ts"
import { snapshots } from "./snapshots.ts"
import { evolving } from "./upcasting.ts"

export const edits: ReadonlyArray<Mutant> = [
  ...evolving,
  ...snapshots,
  ...caches,
  ...audits,
  ...observability,
  ...archives
]
