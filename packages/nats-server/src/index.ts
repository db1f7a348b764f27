// The modules of @evolvent/nats-server, one namespace each.
export * as NatsServer from "./NatsServer.ts"
export * as NatsServerError from "./NatsServerError.ts"
