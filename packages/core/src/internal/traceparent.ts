// The W3C trace context: version, trace id, span id, flags; as text in metadata, as a span for a tracer.
import * as Tracer from "effect/Tracer"

const traceparent = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** The span that a text stands for, which is not of this process; undefined where it stands for none. */
export const parse = (text: string | undefined): Tracer.ExternalSpan | undefined => {
  if (text === undefined) return undefined
  const [, traceId, spanId, flags] = traceparent.exec(text) ?? []
  return traceId === undefined || spanId === undefined
    ? undefined
    : Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags ?? "00", 16) & 1) === 1 })
}

/** The text of a span; undefined for one that is switched off, or of another kind of tracing: its ids mean nothing to others. */
export const format = ({ sampled, spanId, traceId }: Tracer.AnySpan): string | undefined => {
  const text = `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`
  return traceparent.test(text) ? text : undefined
}
