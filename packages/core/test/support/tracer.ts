// A tracer in memory: every span that was made, and whether it ended.
import * as Tracer from "effect/Tracer"

/** The spans made so far, oldest first, and the tracer that makes them. */
export const make = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}
