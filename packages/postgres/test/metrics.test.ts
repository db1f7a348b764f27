// What the backend itself tells: how many appends it gathered, and no data in the spans of its statements.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import { appendGroupSize } from "evolvent/Metrics"
import { expect, it } from "vitest"
import { fresh, serve } from "./support/AppendStore.ts"

const { open } = await serve()

const groups = Effect.map(Metric.value(appendGroupSize), ({ count, sum }) => ({ commits: count, appends: sum }))

const event = { type: "Told", data: { text: "s3cret" } }

it("counts each commit with the appends that it gathered, a lone one as one", async () => {
  const { close, events, run } = await open()
  const before = await run(groups)
  for (let i = 0; i < 3; i++) await run(events.append(fresh(), [event]))
  const alone = await run(groups)
  expect(alone.commits - before.commits).toBe(3)
  expect(alone.appends - before.appends).toBe(3)
  await run(
    Effect.forEach(
      Array.from({ length: 50 }, () => fresh()),
      (stream) => events.append(stream, [event, event]),
      { concurrency: "unbounded", discard: true }
    )
  )
  const together = await run(groups)
  expect(together.appends - alone.appends).toBe(50)
  expect(together.commits - alone.commits).toBeLessThan(10)
  await Effect.runPromise(close)
})

it("tells statements and no values to who traces", async () => {
  const { close, events, run } = await open()
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const stream = fresh()
  const program = Effect.gen(function* () {
    yield* events.append(stream, [event])
    yield* events.history(stream, () => Effect.succeed(true))
    yield* events.streamRevision(stream)
    return yield* Effect.exit(events.append(stream, [event], { expected: "noStream" }))
  })
  const exit = await run(Effect.withTracer(program, tracer))
  expect(Exit.isFailure(exit)).toBe(true)
  expect(spans.map(({ name }) => name)).toContain("append Case")
  expect(spans.length).toBeGreaterThan(3)
  for (const { attributes, name } of spans) expect(JSON.stringify([name, ...attributes])).not.toContain("s3cret")
  await Effect.runPromise(close)
})
