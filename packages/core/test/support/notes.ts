// Notes, and who reacts to them, run where a tracer in memory is told of it.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Tracer from "effect/Tracer"
import { expect } from "vitest"
import * as Aggregate from "../../src/Aggregate.ts"
import * as Memory from "../../src/Memory.ts"
import * as ProcessManager from "../../src/ProcessManager.ts"
import * as Processor from "../../src/Processor.ts"
import * as Projection from "../../src/Projection.ts"
import * as tracers from "./tracer.ts"

export class Refused extends Schema.TaggedError<Refused>()("Refused", { text: Schema.String }) {}

export const note = <const Name extends string>(name: Name) =>
  Aggregate.make(name, {
    command: Schema.TaggedUnion({ Note: { text: Schema.String }, Refuse: { text: Schema.String }, Touch: {} }),
    event: Schema.TaggedUnion({ Noted: { text: Schema.String } }),
    state: Schema.Null,
    initial: null
  })({
    decide: {
      Note: ({ text }) => [{ _tag: "Noted", text }],
      Refuse: ({ text }) => Result.fail(new Refused({ text })),
      Touch: () => []
    },
    evolve: { Noted: () => null }
  })

export const Cause = note("Cause")
export const Reaction = note("Reaction")

export const Echo = Processor.reactor("echo", {
  from: [Cause],
  handle: { Noted: ({ text }) => Aggregate.execute(Reaction, "r", { _tag: "Note", text }) }
})

export const Texts = Projection.make("texts", {
  from: [Cause],
  row: Schema.Struct({ n: Schema.Int }),
  initial: { n: 0 }
})({
  evolve: { Noted: ({ n }) => ({ n: n + 1 }) }
})

export const Errand = ProcessManager.make("Errand", {
  observes: [Cause],
  correlate: ({ streamId }) => streamId,
  event: Schema.TaggedUnion({ Begun: {} }),
  state: Schema.Null,
  initial: null
})({
  decide: { Noted: () => [{ _tag: "Begun" }] },
  evolve: { Begun: () => null },
  dispatch: {
    Begun: () => [Aggregate.command(Reaction, "m", { _tag: "Note", text: "sent" }, { rejected: () => [] })]
  }
})

export const command = (text: string) => Aggregate.execute(Cause, "c", { _tag: "Note", text })

/** Runs a program with processors and a tracer, and gives the spans. */
export const traced = <A, E>(
  program: Effect.Effect<A, E, Memory.Services>,
  processors: Layer.Layer<never, never, Memory.Services> = Layer.empty
) =>
  Effect.gen(function* () {
    const { spans, tracer } = tracers.make()
    const live = processors.pipe(Layer.provideMerge(Memory.layer))
    const exit = yield* program.pipe(Effect.provide(live), Effect.withTracer(tracer), Effect.exit)
    return { exit, spans }
  })

export const only = (spans: ReadonlyArray<Tracer.NativeSpan>, name: string) => {
  const found = spans.filter((span) => span.name === name)
  expect(found.length, `${name} among ${spans.map((span) => span.name).join(", ")}`).toBe(1)
  return found[0] ?? expect.fail()
}

export const parentOf = (span: Tracer.NativeSpan) => Option.getOrUndefined(span.parent)?.spanId

export const attributes = (span: Tracer.NativeSpan) => Object.fromEntries(span.attributes)
