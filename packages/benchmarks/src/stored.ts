// Fills our table on the server's side, as years of appends would have: for `scale`, which needs more than can be appended.
import { category, dataAt } from "./ledger.ts"
import type { Database } from "./server.ts"

const eventsOfAStream = 10
const streamsAtATime = 100
const block = eventsOfAStream * streamsAtATime

/** How many streams hold so many events; they are `Ledger-old0`, `Ledger-old1`… */
export const streamsOf = (events: number): number => (Math.ceil(events / block) * block) / eventsOfAStream

// A hundred streams live at a time, each with ten events: so the last events of all streams lie all over the table, and
// whoever appends to a random one finds its head in a random page. Ids and times ascend, ten events a millisecond.
const insert = (from: number, to: number, total: number): string => {
  const { amount: _, reference: __, ...same } = dataAt(0)
  const rest = JSON.stringify(same).slice(1)
  return `
    INSERT INTO evolvent.events (position, revision, recorded_at, id, schema_version, stream, category, type, data, metadata)
    SELECT
      n + 1,
      n % ${block} / ${streamsAtATime},
      to_timestamp(millis / 1000.0),
      (lpad(to_hex(millis), 12, '0') || '7' || lpad(to_hex(n % 10), 3, '0') || '8' || left(md5(n::text), 15))::uuid,
      1,
      '${category}-old' || n / ${block} * ${streamsAtATime} + n % ${streamsAtATime},
      '${category}',
      CASE WHEN n % 3 = 0 THEN 'Debited' ELSE 'Credited' END,
      ('{"amount":' || n % 10000 || ',"reference":"INV-2026-' || lpad((n % 1000000)::text, 6, '0') || '",${rest.replaceAll("'", "''")}')::json,
      '{}'
    FROM generate_series(${from}::bigint, ${to - 1}::bigint) n,
      LATERAL (SELECT (extract(epoch FROM now()) * 1000)::bigint - 3600000 - ${total} / 10 + n / 10 AS millis) at`
}

const atOnce = 1_000_000

/** Stores at least so many events, whole streams of them, in an empty store of ours. */
export const fill = async (
  database: Database,
  events: number,
  progress: (stored: number) => void = () => {}
): Promise<void> => {
  const total = streamsOf(events) * eventsOfAStream
  for (let from = 0; from < total; from += atOnce) {
    const to = Math.min(total, from + atOnce)
    await database.number(insert(from, to, total))
    progress(to)
  }
  await database.number(`SELECT setval('evolvent.position', ${total})`)
  const { stored, streams } = {
    stored: await database.number("SELECT count(*) FROM evolvent.events"),
    streams: await database.number("SELECT count(*) FROM evolvent.events WHERE revision = 0")
  }
  if (stored !== total || streams !== streamsOf(events)) {
    throw new Error(
      `${total} events of ${streamsOf(events)} streams were to be stored, but ${stored} of ${streams} were.`
    )
  }
  await database.number("VACUUM (ANALYZE)")
}
