// @evolvent/nats: evolvent on NATS JetStream.
export * as Nats from "./Nats.ts"
export * as NatsClient from "./NatsClient.ts"
export * as NatsError from "./NatsError.ts"
