// announce_inline(): the first thing an append does that may have to keep read models: from here on it is known which.
import { streamKey } from "./floor.ts"
import { keepsSnapshot } from "./refuseStale.ts"
import { asOwner } from "./rights.ts"

/**
 * `inline` are the checkpoints of the projections that some categories have in their appends. What it says holds to the
 * end of the transaction: who begins or ends such a projection waits for the lock that is taken here.
 *
 * `held` is false where somebody else holds the stream `p_try`; null does not ask. A transaction of stricter isolation
 * whose snapshot is older than the last such change is refused with 40001.
 */
export const announceInline = (schema: string): string => `
CREATE FUNCTION ${schema}.announce_inline(p_categories text[], p_try text, OUT inline text[], OUT held boolean)
LANGUAGE plpgsql ${asOwner} AS $$
BEGIN
  LOCK TABLE ${schema}.events IN ROW EXCLUSIVE MODE;
  IF ${keepsSnapshot} THEN PERFORM 1 FROM ${schema}.inline_changes FOR SHARE; END IF;
  inline := ARRAY(SELECT i.checkpoint FROM ${schema}.inline_projections i WHERE i.category = ANY (p_categories) ORDER BY 1);
  held := p_try IS NULL OR pg_try_advisory_xact_lock(${streamKey(schema, "p_try")});
END $$`
