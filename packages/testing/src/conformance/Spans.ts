// Spans: what a program under a law tells a tracer, in memory, and how its spans hang together.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

/** A tracer, and the spans that it has made. */
export interface Spans {
  /** Runs an effect, and whatever it starts, with the tracer. */
  readonly traced: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The names from the spans of a name up to where their traces begin, each as one list. */
  readonly upFrom: (name: string) => ReadonlyArray<ReadonlyArray<string>>
}

/** A tracer of its own; whoever runs nothing with it tells nobody. */
export const make: Effect.Effect<Spans> = Effect.sync(() => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const parentOf = (span: Tracer.Span): Tracer.Span | undefined => {
    const parent = Option.getOrUndefined(span.parent)
    // One of the same trace: an id by itself may be made up.
    return spans.find(({ spanId, traceId }) => spanId === parent?.spanId && traceId === span.traceId)
  }
  const path = (span: Tracer.Span): ReadonlyArray<string> => {
    const parent = parentOf(span)
    return parent === undefined ? [span.name] : [span.name, ...path(parent)]
  }
  return {
    traced: Effect.withTracer(tracer),
    upFrom: (name) => spans.filter((span) => span.name === name).map(path)
  }
})
