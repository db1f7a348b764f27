// Transfers, observed: the same program as in `transfer`, with what it is observed by around it.
import { Layer } from "effect"
import { Metrics, Processor } from "evolvent"
import { Transfer } from "../transfer/domain.ts"
import { Outcomes } from "../transfer/projections.ts"
import { Transfers } from "../transfer/app.ts"

/** Runs the transfers, and looks every few seconds how far their processors are. */
export const Observed = Layer.merge(
  Transfers,
  Metrics.layerProcessors([Processor.manager(Transfer), Outcomes], { every: "2 seconds" })
)
