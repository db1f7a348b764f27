// laws: what the PostgreSQL backend promises beyond the conformance laws, each with a mutant that breaks it.
import type { Law } from "@evolvent/testing/conformance"
import type { Bench } from "./Bench.ts"
import { appending } from "./Appends.ts"
import { surviving } from "./Crashes.ts"
import { feeding } from "./Feeds.ts"
import { holding } from "./Floors.ts"
import { looking } from "./Looks.ts"
import { overtaking } from "./Overtaken.ts"
import { removals } from "./Removals.ts"
import { trailing } from "./Tails.ts"

/** All of them. */
export const laws: ReadonlyArray<Law<Bench>> = [
  ...looking,
  ...holding,
  ...surviving,
  ...feeding,
  ...appending,
  ...overtaking,
  ...trailing,
  ...removals
]
