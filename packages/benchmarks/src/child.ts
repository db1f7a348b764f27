// A peer in a process of its own, seen from the benchmark: Emmett changes the parsers of every user of `pg` around it.
import { fork } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import type { PeerName } from "./options.ts"
import type { Answer, Reply, Request } from "./peers/protocol.ts"

const files: { readonly [Name in PeerName]: string } = {
  ours: "ours.ts",
  "ours-jit": "oursWithJit.ts",
  emmett: "emmett.ts",
  "emmett-sql": "emmett.ts",
  pg: "rawPg.ts",
  "sql-pg": "rawSqlPg.ts",
  "ours-nats": "oursNats.ts",
  nats: "rawNats.ts",
  "nats-durable": "rawNatsDurable.ts"
}

// How long a peer that was hung up on may take to go.
const patience = 10_000

/** A running peer. */
export interface Child {
  readonly ask: (request: Request) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** Asks one thing and waits for its answer; there is never more than one question on the way. */
const ask = (name: PeerName, child: ChildProcess, request: Request): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const done = () => {
      child.off("message", onReply)
      child.off("exit", onExit)
    }
    const onReply = (reply: Reply) => {
      done()
      if ("answer" in reply) resolve(reply.answer)
      else reject(new Error(`The peer "${name}" could not ${request.op}: ${reply.problem}`))
    }
    const onExit = (code: number | null) => {
      done()
      reject(new Error(`The peer "${name}" ended with ${code} when it was to ${request.op}.`))
    }
    child.on("message", onReply)
    child.on("exit", onExit)
    child.send(request)
  })

/** Starts a peer on a database; `flags` are for its Node. */
export const startPeer = async (name: PeerName, url: string, flags: ReadonlyArray<string> = []): Promise<Child> => {
  const file = new URL(`peers/${files[name]}`, import.meta.url)
  const child = fork(file, { execArgv: [...process.execArgv, ...flags] })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const close = async () => {
    if (child.connected) child.disconnect()
    const kill = setTimeout(() => child.kill("SIGKILL"), patience)
    await exited
    clearTimeout(kill)
  }
  try {
    await ask(name, child, { op: "open", url })
  } catch (error) {
    await close()
    throw error
  }
  return { ask: (request) => ask(name, child, request), close }
}
