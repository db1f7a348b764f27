// refuse_unaware(): no event is stored behind the back of a projection that runs in the append's own transaction.
import { literal } from "../../Database.ts"
import { keepsSnapshot } from "./refuseStale.ts"
import { asOwner } from "./rights.ts"

/** The setting, local to its transaction, in which a writer announces what it keeps, as a JSON array. */
export const announcement = "evolvent.inline"

/** How a projection stands in the announcement: stores of several schemas may share a transaction. */
export const entryOf = (schema: string, category: string, checkpoint: string): string =>
  `${schema}.${category} ${checkpoint}`

/** The SQLSTATE of its refusals. */
export const unaware = "EV003"

/**
 * A trigger on events, there while any projection runs inline: refuses events of its category from a transaction that
 * has not announced it, such as that of an older process in a rolling deploy.
 *
 * It runs within the functions that append, whose planner settings make a look through a table of few rows seem so dear
 * that the server would compile it first.
 */
export const refuseUnaware = (schema: string): string => `
CREATE FUNCTION ${schema}.refuse_unaware() RETURNS trigger LANGUAGE plpgsql ${asOwner}
SET enable_seqscan = on SET jit = off AS $$
DECLARE
  announced jsonb := coalesce(nullif(current_setting('${announcement}', true), ''), '[]')::jsonb;
  forgotten record;
BEGIN
  IF ${keepsSnapshot} THEN PERFORM 1 FROM ${schema}.inline_changes FOR SHARE; END IF;
  SELECT i.name, i.version, i.category, i.since INTO forgotten FROM ${schema}.inline_projections i
    WHERE i.category IN (SELECT a.category FROM appended a)
      AND NOT announced @> to_jsonb(${literal(`${schema}.`)} || i.category || ' ' || i.checkpoint)
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'since position % every append to category "%" keeps version % of the projection "%" in its own transaction, and this process does not: provide Postgres.layerInline of that projection here, or end it with Postgres.endInline',
      forgotten.since, forgotten.category, forgotten.version, forgotten.name
      USING ERRCODE = '${unaware}';
  END IF;
  RETURN NULL;
END $$`

/** The trigger that runs it; "appended" is what a statement stored. */
export const trigger = (schema: string): string =>
  `CREATE TRIGGER events_inline AFTER INSERT ON ${schema}.events REFERENCING NEW TABLE AS appended
      FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_unaware()`
