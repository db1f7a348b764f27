// Migration 9: the events of another store can be imported.
import { importEvents } from "../sql/functions/importEvents.ts"
import { takenBack } from "../sql/functions/rights.ts"

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => [
  importEvents(schema),
  ...takenBack([importEvents(schema)])
]
