// laws: what the backend on NATS promises beyond the laws of every backend.
import type { Law } from "@evolvent/testing/conformance"
import { appends } from "./Appends.ts"
import { batches } from "./Batches.ts"
import type { Bench } from "./Bench.ts"
import { buses } from "./Buses.ts"
import { checkpoints } from "./Checkpoints.ts"
import { claims } from "./Claims.ts"
import { commits } from "./Commits.ts"
import { feeds } from "./Feeds.ts"
import { messages } from "./Messages.ts"
import { opening } from "./Opening.ts"
import { removals } from "./Removals.ts"
import { rows } from "./Rows.ts"

/** All of them, in the order of their names. */
export const laws: ReadonlyArray<Law<Bench>> = [
  ...appends,
  ...claims,
  ...batches,
  ...messages,
  ...feeds,
  ...opening,
  ...commits,
  ...checkpoints,
  ...rows,
  ...buses,
  ...removals
]
