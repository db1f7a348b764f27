// Tracing: the spans that the library makes where somebody traces, and whether they may tell what is in events.
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/**
 * Whether spans carry the data of commands and events; they do not unless asked.
 *
 * Spans are made where a `Tracer` is provided (`Otlp.layerJson`, `OtlpTracer.layer`, one of your own), and cost nothing
 * where there is none:
 *
 * | span | kind | what |
 * |---|---|---|
 * | `execute Account` | internal | a command, until its events are stored; a rejection is its outcome and no error |
 * | `load Account` | internal | the state of one entity |
 * | `read Account` | client | a stream's history, or a page of a read |
 * | `append Account` | producer | an append; its id is what the events carry as `traceparent` |
 * | `handle welcome` | consumer | one event in a reactor, manager, handler or bus group: part of that event's trace |
 * | `handle balances` | consumer | a page of events of a projection or a handler: a trace of its own, linked to theirs |
 * | `relay to-bus` | producer | a page of events of a relay, linked in the same way |
 * | `publish Account` | producer | messages handed to the bus |
 *
 * So one trace goes from a command through its events to what reacts to them, over processes and over the bus. Attributes
 * are those of OpenTelemetry where it has some (`messaging.*`, `db.*`), else `evolvent.*`. They name streams, ids, types,
 * revisions and counts; the library's own log lines do the same. An error's text is that of who raised it: a handler's
 * message is yours. What the library writes down for itself (categories with `$`) has no spans.
 */
export const IncludesData: Context.Reference<boolean> = Context.Reference("evolvent/Tracing/IncludesData", {
  defaultValue: () => false
})

/**
 * Has spans carry data: `evolvent.command.data` and `evolvent.event.data`, as JSON text.
 *
 * For development: what is in spans is stored by whoever collects them.
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as Memory from "evolvent/Memory"
 * import * as Tracing from "evolvent/Tracing"
 *
 * const Live = Layer.mergeAll(Memory.layer, Tracing.layerData)
 * ```
 */
export const layerData: Layer.Layer<never> = Layer.succeed(IncludesData, true)
