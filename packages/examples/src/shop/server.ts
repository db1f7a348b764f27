// server: the shop as an HTTP server: its routes, what watches over it, and an answer to all that goes wrong.
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SchemaIssue from "effect/SchemaIssue"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as ProblemDetails from "effect/http/ProblemDetails"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import { Understood } from "./api.ts"
import * as App from "./app.ts"
import { BadInput } from "./problems.ts"
import * as Routes from "./routes.ts"
import { Closing } from "./updates.ts"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const keyOf = (segment: PropertyKey | { readonly key: PropertyKey }): string =>
  String(typeof segment === "object" ? segment.key : segment)

/** Says what of a request could not be understood: where it stands, and what is expected there. */
const Understanding = HttpApiMiddleware.layerSchemaErrorTransform(Understood, (error) => {
  // What the shop itself answers wrongly is not the caller's fault.
  if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.die(error)
  const errors = issuesOf(error.cause.issue).issues.map(({ message, path = [] }) => ({
    path: [error.kind.toLowerCase(), ...path.map(keyOf)],
    message
  }))
  const detail = errors.map(({ message, path }) => `${path.join(".")}: ${message}`).join("; ")
  return Effect.fail(new BadInput({ detail, errors }))
})

const titles: Readonly<Record<number, string>> = {
  400: "What was sent cannot be understood.",
  404: "Nothing is found here.",
  413: "What was sent is too large: 64 KiB at most.",
  415: "What was sent has no content type that is understood here: send application/json.",
  500: "The shop failed. Somebody will look into it."
}

/** What has no answer yet is answered as a problem, too: unknown paths, bodies that are too large, mistakes of ours. */
const Problems = HttpRouter.middleware(
  (app) =>
    app.pipe(
      // Where it is interrupted, whoever asked is gone, or the shop closes.
      Effect.catchCauseIf(
        (cause) => !Cause.hasInterrupts(cause),
        (cause) =>
          Effect.flatMap(HttpServerError.causeResponse(cause), ([response]) =>
            response.status < 500 ? Effect.succeed(response) : Effect.as(Effect.logError(cause), response)
          )
      ),
      Effect.map((response) => {
        const contentType = response.headers["content-type"]
        if (response.status < 400 || contentType?.includes("json") === true) return response
        const title = titles[response.status] ?? "This cannot be answered."
        return ProblemDetails.toResponse({ type: ProblemDetails.blankType, status: response.status, title })
      })
    ),
  { global: true }
)

/** `/health`: whether the store answers, which is what the shop cannot do without; and how far its processors are. */
const Health = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Effect.Services<typeof processors>>()
    const look = Effect.matchEffect(Effect.timeout(processors, "2 seconds"), {
      onFailure: (error) =>
        Effect.as(
          Effect.logWarning(error.message),
          HttpServerResponse.jsonUnsafe({ status: "down", problem: "the store does not answer" }, { status: 503 })
        ),
      onSuccess: (processors) => Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "up", processors }))
    })
    yield* router.add("GET", "/health", Effect.provideContext(look, context))
  })
)

const processors = Effect.andThen(
  EventStore.use((store) => store.head),
  Effect.forEach(
    App.targets,
    (target) =>
      Effect.map(Processor.status(target), ({ holders, lag, parked, stopped }) => ({
        name: target.name,
        lag: lag === undefined ? 0 : Duration.toSeconds(lag.age),
        parked,
        stopped: stopped?.problem ?? null,
        instances: holders.length
      })),
    { concurrency: 2 }
  )
)

// It closes before the server does, which waits for every response that it has begun.
const CloseUpdates = Layer.effectDiscard(
  Effect.gen(function* () {
    const closing = yield* Closing
    yield* Effect.addFinalizer(() => Deferred.succeed(closing, undefined))
  })
)

/** Serves the shop on a port until the layer is released: then requests that are under way are finished. */
export const layer = (port: number) =>
  CloseUpdates.pipe(
    Layer.provideMerge(
      HttpRouter.serve(
        Layer.mergeAll(
          Routes.layer.pipe(Layer.provide(Understanding)),
          Health,
          PrometheusMetrics.layerHttp(),
          Problems
        ),
        { disableLogger: true, disableListenLog: true }
      )
    ),
    Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.kibibytes(64))),
    Layer.provideMerge(
      NodeHttpServer.layer(createServer, { port, host: "127.0.0.1", gracefulShutdownTimeout: "20 seconds" })
    ),
    Layer.provide(Closing.layer)
  )
