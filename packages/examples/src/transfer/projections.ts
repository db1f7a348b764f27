// What came of each transfer that somebody asked for.
import { Schema } from "effect"
import { Projection } from "evolvent"
import { Request } from "./domain.ts"

export const Outcomes = Projection.make("outcomes", {
  from: [Request],
  row: Schema.Struct({ outcome: Schema.UndefinedOr(Schema.String) })
})({
  create: { Asked: () => ({ outcome: undefined }) },
  evolve: { Answered: (_, { outcome }) => ({ outcome }) }
})
