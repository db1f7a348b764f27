// telemetry: where traces, metrics and logs go: to an OTLP collector, and what Prometheus scrapes to a port of its own.
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServer from "effect/http/HttpServer"
import * as Otlp from "effect/observability/Otlp"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"

/** Sends traces, metrics and logs to the collector of OTEL_EXPORTER_OTLP_ENDPOINT; without that variable to nobody. */
export const layerOtlp: Layer.Layer<never> = Layer.unwrap(
  Effect.map(Effect.orDie(Config.option(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT"))), (endpoint) =>
    Option.match(endpoint, {
      onNone: (): Layer.Layer<never> => Layer.empty,
      onSome: (baseUrl): Layer.Layer<never> =>
        Otlp.layerJson({
          baseUrl,
          resource: { serviceName: "transfers" },
          tracerExportInterval: "1 second",
          metricsExportInterval: "10 seconds",
          loggerMergeWithExisting: true
        }).pipe(Layer.provide(FetchHttpClient.layer))
    })
  )
)

/** Serves `/metrics` at a port. */
export const layerPrometheus = (port: number): Layer.Layer<HttpServer.HttpServer> =>
  HttpRouter.serve(PrometheusMetrics.layerHttp(), { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(Layer.orDie(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" })))
  )
