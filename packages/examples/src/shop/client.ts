// client: sends what a curl command of the README would send, by fetch, to one instance or to whichever answers.

/** A request, as a curl command writes it down. */
export interface Line {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** What an instance answered. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly position: string | undefined
  readonly text: string
}

/** Reads a curl command: -s, -X, -H and -d, quotes of both kinds. */
export const parse = (command: string): Line => {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "")
  const headers: Record<string, string> = {}
  let method: string | undefined
  let body: string | undefined
  let url = ""
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? ""
    const value = words[i + 1] ?? ""
    if (word === "-s") continue
    if (!word.startsWith("-")) {
      url = word
      continue
    }
    i++
    if (word === "-X") method = value
    else if (word === "-d") body = value
    else if (word === "-H") headers[value.slice(0, value.indexOf(":"))] = value.slice(value.indexOf(":") + 1).trim()
    else throw new TypeError(`"${word}" of "${command}" is not known here.`)
  }
  const path = url.slice(url.indexOf("/"))
  return { method: method ?? (body === undefined ? "GET" : "POST"), path, headers, body }
}

/** Sends it to the instance on a port; fails where that does not answer. */
export const send = async (port: number, line: Line, signal?: AbortSignal): Promise<Answer> => {
  const response = await fetch(`http://127.0.0.1:${port}${line.path}`, {
    method: line.method,
    headers: line.headers,
    body: line.body ?? null,
    signal: signal ?? AbortSignal.timeout(15_000)
  })
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    position: response.headers.get("x-position") ?? undefined,
    text: await response.text()
  }
}

/** Sends it to one instance after the other until one answers other than that it cannot now. */
export const insist = async (ports: ReadonlyArray<number>, line: Line): Promise<Answer> => {
  for (let attempt = 0; attempt < 600; attempt++) {
    try {
      const answer = await send(ports[attempt % ports.length] ?? 0, line)
      if (answer.status !== 503) return answer
    } catch {
      // It is dead, or died meanwhile: whether it has done it, it cannot tell any more.
    }
    await new Promise((resume) => setTimeout(resume, 50))
  }
  throw new Error(`Nobody answers ${line.method} ${line.path}.`)
}

/** An event of a stream of server-sent events. */
export interface Update {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Follows server-sent events until the server ends them, or `signal` does. */
export async function* follow(
  port: number,
  path: string,
  signal: AbortSignal,
  lastEventId?: string
): AsyncGenerator<Update> {
  const headers: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId }
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers, signal })
  if (response.body === null || response.status !== 200) throw new Error(`${path} answered ${response.status}.`)
  let rest = ""
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    rest += chunk
    const blocks = rest.split("\n\n")
    rest = blocks.pop() ?? ""
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((each) => [each.split(":")[0], each.slice(each.indexOf(":") + 2)]))
      yield { id: fields.get("id") ?? "", event: fields.get("event") ?? "message", data: fields.get("data") ?? "" }
    }
  }
}
