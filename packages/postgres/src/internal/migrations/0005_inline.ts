// Migration 5: which projections are kept in the append's own transaction, and what holds every writer to it.
import { announceInline } from "../sql/functions/announceInline.ts"
import { beginInline } from "../sql/functions/beginInline.ts"
import { endInline } from "../sql/functions/endInline.ts"
import { lockForInline } from "../sql/functions/lockForInline.ts"
import { refuseUnaware } from "../sql/functions/refuseUnaware.ts"
import { takenBack } from "../sql/functions/rights.ts"

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => {
  // The trigger itself comes with the first such projection, so that nobody else pays for it.
  const functions = [
    announceInline(schema),
    refuseUnaware(schema),
    lockForInline(schema),
    beginInline(schema),
    endInline(schema)
  ]
  return [
    `CREATE TABLE ${schema}.inline_projections (
      checkpoint text COLLATE "C" PRIMARY KEY,
      name text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      category text COLLATE "C" NOT NULL,
      since bigint NOT NULL,
      began_at timestamptz NOT NULL DEFAULT now()
    )`,
    `COMMENT ON TABLE ${schema}.inline_projections IS 'Projections that every append to their category keeps in its own transaction'`,
    // One row, which every change of the table above touches: a transaction with an older snapshot fails on it.
    `CREATE TABLE ${schema}.inline_changes (number bigint NOT NULL)`,
    `INSERT INTO ${schema}.inline_changes VALUES (0)`,
    ...functions,
    ...takenBack(functions)
  ]
}
