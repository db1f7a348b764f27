// collector: a small OTLP collector in this process, for tests: it keeps the spans and log lines that it is sent.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A span as it arrived. */
export interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: unknown }>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
  readonly status: { readonly code: number }
}

interface Traces {
  readonly resourceSpans: ReadonlyArray<{ readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }> }>
}

/** A collector, and what it was sent. */
export interface Collector {
  readonly url: string
  readonly spans: ReadonlyArray<Span>
  /** Every body, as text, by path. */
  readonly bodies: ReadonlyArray<readonly [path: string, body: string]>
}

/** A collector on a free port of this machine's own, until the scope closes. */
export const make: Effect.Effect<Collector, never, Scope.Scope> = Effect.acquireRelease(
  Effect.callback<Collector & { readonly close: Effect.Effect<void> }>((resume) => {
    const spans: Array<Span> = []
    const bodies: Array<readonly [string, string]> = []
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8")
      request.on("data", (text: string) => (body += text))
      request.on("end", () => {
        const path = request.url ?? ""
        bodies.push([path, body])
        if (path === "/v1/traces") {
          const { resourceSpans } = JSON.parse(body) as Traces
          spans.push(...resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans)))
        }
        response.setHeader("content-type", "application/json").end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      const close = Effect.callback<void>((done) => {
        server.closeAllConnections()
        server.close(() => done(Effect.void))
      })
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, spans, bodies, close }))
    })
  }),
  ({ close }) => close
)
