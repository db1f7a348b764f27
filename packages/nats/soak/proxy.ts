// proxy: a network between clients and a server that delays, stalls, passes one direction only, half-closes and cuts.
import * as net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** From the clients to the server, or back. */
export type Direction = "up" | "down"

/** The network. What it does to connections it does to those that are there. */
export interface Proxy {
  readonly url: string
  readonly connections: () => number
  /** Ends some connections at once; what was on its way is gone. Gives how many. */
  readonly cut: (share: number) => number
  /** Ends one direction of some connections, as a FIN does; gives how many. */
  readonly halfClose: (share: number, direction: Direction) => number
  /** Holds back all bytes of these directions until it is told otherwise. */
  readonly hold: (directions: ReadonlyArray<Direction>) => void
  /** The longest that bytes are on their way, in milliseconds. */
  readonly delay: (longest: number) => void
}

/** One direction of a connection: bytes keep their order, whatever the delay of each. */
const pipe = (from: net.Socket, to: net.Socket, isHeld: () => boolean, delay: () => number) => {
  const queue: Array<{ readonly due: number; readonly bytes: Buffer }> = []
  let timer: NodeJS.Timeout | undefined
  let isEnded = false
  const flush = (): void => {
    timer = undefined
    const now = performance.now()
    while (!isHeld() && queue[0] !== undefined && queue[0].due <= now) {
      const bytes = queue.shift()?.bytes
      if (bytes !== undefined && to.writable) to.write(bytes)
    }
    if (queue.length > 0) timer = setTimeout(flush, 2)
    else if (isEnded) to.end()
  }
  from.on("data", (bytes: Buffer) => {
    const due = Math.max(queue.at(-1)?.due ?? 0, performance.now() + delay())
    queue.push({ due, bytes })
    if (timer === undefined) flush()
  })
  from.on("end", () => {
    isEnded = true
    if (timer === undefined) flush()
  })
  return () => clearTimeout(timer)
}

/** A network in front of a port of this machine, as long as the scope is open. */
export const make = (
  port: number,
  between: (low: number, high: number) => number
): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const links = new Set<Readonly<Record<Direction, net.Socket>>>()
    let held: ReadonlyArray<Direction> = []
    let longest = 0
    const delay = () => (longest === 0 ? 0 : between(0, longest))
    const some = (share: number) => [...links].filter(() => between(1, 100) <= share * 100)

    const server = net.createServer({ allowHalfOpen: true }, (client) => {
      const upstream = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
      // What `up` ends is heard by the server, what `down` ends by the client.
      const link = { up: upstream, down: client }
      links.add(link)
      const stops = [
        pipe(client, upstream, () => held.includes("up"), delay),
        pipe(upstream, client, () => held.includes("down"), delay)
      ]
      for (const socket of [client, upstream]) {
        socket.setNoDelay(true)
        socket.on("error", () => undefined)
        socket.on("close", () => {
          links.delete(link)
          for (const stop of stops) stop()
          client.destroy()
          upstream.destroy()
        })
      }
    })
    const address = yield* Effect.acquireRelease(
      Effect.promise(
        () =>
          new Promise<net.AddressInfo | string | null>((done) =>
            server.listen(0, "127.0.0.1", () => done(server.address()))
          )
      ),
      () =>
        Effect.promise(
          () =>
            new Promise<void>((done) => {
              server.close(() => done())
              for (const { down, up } of links) {
                down.destroy()
                up.destroy()
              }
            })
        )
    )
    return {
      url: `nats://127.0.0.1:${typeof address === "object" ? address?.port : address}`,
      connections: () => links.size,
      cut: (share) => {
        const cut = some(share)
        for (const { down, up } of cut) {
          down.resetAndDestroy()
          up.destroy()
        }
        return cut.length
      },
      halfClose: (share, direction) => {
        const closed = some(share)
        for (const link of closed) link[direction].end()
        return closed.length
      },
      hold: (directions) => {
        held = directions
      },
      delay: (millis) => {
        longest = millis
      }
    }
  })
