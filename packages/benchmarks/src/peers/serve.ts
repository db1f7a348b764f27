// The side of the protocol that runs in a peer's own process: takes one request after the other and answers it.
import { inspect } from "node:util"
import type { Answer, Peer, Reply, Request } from "./protocol.ts"

const nothing: Answer = { count: 0, seconds: 0, p50: 0, p99: 0, cpuMicros: 0, proof: 0 }

const run = async (peer: Peer, request: Request): Promise<Answer> => {
  const unable = () => Promise.reject(new Error(`This peer cannot ${request.op}.`))
  switch (request.op) {
    case "open":
      await peer.open(request.url)
      return nothing
    case "seed":
      return peer.seed?.(request) ?? unable()
    case "append":
      return peer.append?.(request) ?? unable()
    case "load":
      return peer.load?.(request) ?? unable()
    case "read":
      return peer.read?.(request) ?? unable()
    case "project":
      return peer.project?.(request) ?? unable()
    case "replay":
      return peer.replay?.(request) ?? unable()
    case "catchUp":
      return peer.catchUp?.(request) ?? unable()
    case "fill":
      return peer.fill?.(request) ?? unable()
    case "publish":
      return peer.publish?.(request) ?? unable()
    case "consume":
      return peer.consume?.(request) ?? unable()
  }
}

const tell = (reply: Reply) => process.send?.(reply)

/** Serves a peer until the benchmark hangs up. */
export const serve = (peer: Peer): void => {
  process.on("message", (request: Request) => {
    run(peer, request).then(
      (answer) => tell({ answer }),
      (error: unknown) => tell({ problem: inspect(error, { depth: 8 }) })
    )
  })
  process.on("disconnect", () => {
    // A peer that cannot close, since its server is gone, must not stay behind.
    setTimeout(() => process.exit(1), 5000).unref()
    void peer.close().finally(() => process.exit(0))
  })
}
