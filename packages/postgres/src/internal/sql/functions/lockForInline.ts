// lock_for_inline(): waits until no append is in flight, and lets none begin until the transaction ends.
import { asOwner } from "./rights.ts"

/** For the transaction that begins an inline projection; readers are not held up. */
export const lockForInline = (schema: string): string => `
CREATE FUNCTION ${schema}.lock_for_inline() RETURNS void LANGUAGE plpgsql ${asOwner} AS $$
BEGIN
  LOCK TABLE ${schema}.events IN SHARE ROW EXCLUSIVE MODE;
END $$`
