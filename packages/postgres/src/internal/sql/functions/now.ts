// now: the instant at which an event is recorded.

/** The server's clock in whole milliseconds, as clients know it. Truncating by calendar would take several times as long. */
export const now = "date_bin(interval '1 millisecond', clock_timestamp(), timestamptz 'epoch')"
