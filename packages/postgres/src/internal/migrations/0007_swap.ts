// Migration 7: read models that take each other's place.
import { swapReadModels } from "../sql/functions/swapReadModels.ts"
import { takenBack } from "../sql/functions/rights.ts"

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => {
  const functions = [swapReadModels(schema)]
  return [...functions, ...takenBack(functions)]
}
