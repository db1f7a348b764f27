// Transfers, observed: one trace from what was asked to the last event of it, and metrics that a Prometheus server can read.
import { describe, expect, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Postgres from "@evolvent/postgres/Postgres"
import { ConfigProvider, Effect, Layer, Metric } from "effect"
import { HttpServer } from "effect/http"
import { Memory, Processor } from "evolvent"
import { open, transfer } from "../transfer/app.ts"
import { Transfer } from "../transfer/domain.ts"
import { Observed } from "./app.ts"
import * as Collector from "./collector.ts"
import type { Span } from "./collector.ts"
import * as Telemetry from "./telemetry.ts"

const OnPostgres = Postgres.layerFrom().pipe(Layer.provide(EmbeddedPostgres.layer({ settings: { fsync: "off" } })))

// Numbers that no id and no time is likely to hold.
const balance = 471_108_157
const amount = 424_242_424

/** Runs a transfer, observed, and gives what the collector has when all is over and what `/metrics` said before. */
const observed = (storage: Layer.Layer<Memory.Services, unknown>) =>
  Effect.gen(function* () {
    const collector = yield* Collector.make
    const environment = ConfigProvider.layer(ConfigProvider.fromUnknown({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }))
    const live = Observed.pipe(
      Layer.provideMerge(storage),
      Layer.provideMerge(Telemetry.layerPrometheus(0)),
      Layer.provideMerge(Telemetry.layerOtlp),
      Layer.provide(environment)
    )
    const program = Effect.gen(function* () {
      yield* open("ada", balance)
      yield* open("bob", 0)
      expect(yield* transfer("t-1", { from: "ada", to: "bob", amount })).toBe("done")
      expect(yield* transfer("t-2", { from: "ada", to: "bob", amount })).toBe("NotEnough")
      const manager = Processor.manager(Transfer)
      while ((yield* Processor.status(manager)).lag !== undefined) yield* Effect.sleep("10 millis")
      // So that the gauges were looked at since.
      yield* Effect.sleep("2500 millis")
      const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
      return yield* Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text()))
    })
    // The exporters send what is left when their layer is released.
    const text = yield* program.pipe(Effect.provide(live), Effect.provideService(Metric.MetricRegistry, new Map()))
    return { collector, text }
  })

/** The value of a series, by its name and labels as Prometheus writes them. */
const valueOf = (text: string, series: string): number => {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1) ?? expect.fail(`no ${series} in\n${text}`))
}

const isOneTrace = (spans: ReadonlyArray<Span>) => {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const path = (span: Span): ReadonlyArray<string> => {
    const parent = byId.get(span.parentSpanId ?? "")
    // The database's own spans are between the library's.
    const own = span.name.startsWith("sql.") ? [] : [span.name]
    return parent === undefined ? own : [...path(parent), ...own]
  }
  const asked = spans.find(({ name }) => name === "transfer")
  const ofTrace = spans.filter(({ traceId }) => traceId === asked?.traceId)
  const paths = ofTrace.map((span) => path(span).join(" > "))
  const request = "transfer > execute Request > append Request"
  const started = `${request} > handle Transfer > execute Transfer > append Transfer`
  const reserved = `${started} > handle Transfer > execute Account > append Account`
  const moneyTaken = `${reserved} > handle Transfer > execute Transfer > append Transfer`
  const credited = `${moneyTaken} > handle Transfer > execute Account > append Account`
  const completed = `${credited} > handle Transfer > execute Transfer > append Transfer`
  const answered = `${completed} > handle Transfer > execute Request > append Request`
  for (const each of [request, started, reserved, moneyTaken, credited, completed, answered])
    expect(paths).toContain(each)
  // Of nothing in it is the beginning unknown.
  expect(paths.filter((each) => !each.startsWith("transfer"))).toEqual([])
}

const isObserved = ({ collector, text }: { readonly collector: Collector.Collector; readonly text: string }) => {
  const { bodies, spans } = collector
  isOneTrace(spans)
  const pages = spans.filter(({ name }) => name === "handle outcomes")
  expect(pages.length).toBeGreaterThan(0)
  expect(pages.every(({ links, parentSpanId }) => parentSpanId === undefined && links.length > 0)).toBe(true)
  // A refusal is an outcome, and not an error.
  const isRefused = ({ attributes }: Span) => attributes.some(({ key }) => key === "evolvent.rejection")
  const refused = spans.filter(isRefused)
  expect(refused.map(({ name, status }) => [name, status.code])).toEqual([["execute Account", 1]])
  expect(new Set(bodies.map(([path]) => path))).toEqual(new Set(["/v1/traces", "/v1/metrics"]))
  // What was moved, and what was there, is told to nobody.
  for (const [path, body] of bodies.filter(([path]) => path !== "/v1/metrics")) {
    expect(body.includes(`${amount}`) || body.includes(`${balance}`), path).toBe(false)
  }

  expect(text).toContain("# HELP evolvent_append_seconds ")
  expect(text).toContain("# TYPE evolvent_append_seconds histogram")
  const appends = valueOf(text, "evolvent_append_seconds_count")
  expect(appends).toBeGreaterThanOrEqual(14)
  expect(valueOf(text, "evolvent_append_seconds_sum")).toBeLessThan(appends)
  expect(valueOf(text, 'evolvent_appended_events_total{category="Request"}')).toBe(4)
  expect(valueOf(text, 'evolvent_appended_events_total{category="Account"}')).toBe(4)
  expect(valueOf(text, 'evolvent_appended_bytes_total{category="Account"}')).toBeGreaterThan(100)
  expect(valueOf(text, 'evolvent_processor_events_total{processor="manager/Transfer"}')).toBeGreaterThanOrEqual(9)
  expect(valueOf(text, 'evolvent_processor_lag_seconds{processor="manager/Transfer"}')).toBe(0)
  expect(valueOf(text, 'evolvent_processor_lag_events{processor="projection/outcomes@1"}')).toBe(0)
  expect(valueOf(text, 'evolvent_processor_stopped{processor="projection/outcomes@1"}')).toBe(0)
  expect(valueOf(text, "evolvent_store_head_position")).toBeGreaterThan(10)
}

describe("observed transfers", () => {
  it.live("in memory", () => Effect.scoped(Effect.map(observed(Memory.layer), isObserved)), 30_000)

  it.live(
    "on PostgreSQL, which says how many appends it gathered, too",
    () =>
      Effect.scoped(
        Effect.map(observed(OnPostgres), (both) => {
          isObserved(both)
          const groups = valueOf(both.text, "evolvent_append_group_size_count")
          expect(groups).toBeGreaterThan(0)
          expect(valueOf(both.text, "evolvent_append_group_size_sum")).toBeGreaterThanOrEqual(groups)
        })
      ),
    60_000
  )
})
