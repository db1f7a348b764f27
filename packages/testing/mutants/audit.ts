// Broken audits, one for each of their laws.
import type { Functions } from "@evolvent/testing/conformance"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Audit from "evolvent/Audit"
import * as Position from "evolvent/Position"
import * as Projection from "evolvent/Projection"
import type { Break, Mutant } from "./Mutant.ts"

const instead = (functions: Partial<Functions>): Break => ({ functions: (whole) => ({ ...whole, ...functions }) })

/** Finds another tree than there is. */
const trees = (change: (tree: Audit.Tree, options: Audit.TreeOptions) => Audit.Tree): Break =>
  instead({
    tree: (id, options = {}) => Effect.map(Audit.tree(id, options), (tree) => change(tree, options))
  })

/** The place just before another. */
const before = ({ position, time }: Audit.Place): Audit.Place =>
  time === undefined
    ? { position: Position.make(Math.max(0, position - 1)) }
    : { time: DateTime.subtract(time, { milliseconds: 1 }) }

export const audit: ReadonlyArray<Mutant> = [
  {
    law: "Audit 1",
    breaks: "a search ends before the place up to which it goes",
    by: instead({
      by: (search = {}) => Audit.by(search.to === undefined ? search : { ...search, to: before(search.to) })
    })
  },
  {
    law: "Audit 2",
    breaks: "as of a position or a time its own event is left out",
    by: instead({
      loadRows: (projection, options = {}) =>
        Projection.load(projection, options.at === undefined ? options : { ...options, at: before(options.at) })
    })
  },
  {
    law: "Audit 3",
    breaks: "among all events only the direct cause is found",
    by: trees((tree, { limit, stream }) =>
      stream === undefined && limit === undefined && tree.missing === undefined
        ? { ...tree, causes: tree.causes.slice(-1) }
        : tree
    )
  },
  {
    law: "Audit 4",
    breaks: "what a manager writes names no cause",
    by: {
      driver: (driver) => ({
        ...driver,
        append: (appends) =>
          driver.append(
            appends.map((append) =>
              append.category.startsWith("Errand")
                ? { ...append, events: append.events.map((event) => ({ ...event, metadata: "{}" })) }
                : append
            )
          )
      })
    }
  },
  {
    law: "Audit 5",
    breaks: "orphans are passed over",
    by: trees((tree) => ({ ...tree, orphans: [] }))
  },
  {
    law: "Audit 6",
    breaks: "what a limit leaves out is not said",
    by: trees((tree) => ({ ...tree, hasMore: { causes: false, effects: false, orphans: false } }))
  },
  {
    law: "Audit 7",
    breaks: "an event that is not there is a defect",
    by: instead({ tree: (id, options) => Effect.catchTag(Audit.tree(id, options), "EventNotFound", Effect.die) })
  }
]
