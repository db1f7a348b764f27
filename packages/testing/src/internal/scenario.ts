// What was given, as TypeScript source to paste into a test.
import type { Recorded } from "evolvent/EventData"
import { toSource } from "./source.ts"

/** `given(Account, [...])`, with options where there are some. */
export const givenSource = (name: string, past: ReadonlyArray<unknown>, options?: object): string => {
  if (options !== undefined) {
    return `given(${identifier(name)}, ${list(past.map(itemSource))}, ${toSource(options)})`
  }
  return past.length === 0 ? `given(${identifier(name)})` : `given(${identifier(name)}, ${list(past.map(itemSource))})`
}

/** `given(Balances, [events(Account, "1", [...]), ...])`: consecutive events of one stream stand together. */
export const givenStreamsSource = (name: string, past: ReadonlyArray<Recorded<unknown>>): string => {
  const batches: Array<{ readonly of: Recorded<unknown>; readonly events: Array<unknown> }> = []
  for (const event of past) {
    const last = batches.at(-1)
    if (last?.of.stream === event.stream) last.events.push(event.data)
    else batches.push({ of: event, events: [event.data] })
  }
  const texts = batches.map(({ events, of }) => {
    const head = `events(${identifier(of.category)}, ${JSON.stringify(of.streamId)}, `
    return `${head}${toSource(events, { indent: 2 })})`
  })
  return `given(${identifier(name)}, ${list(texts)})`
}

const itemSource = (item: unknown): string => toSource(item, { indent: 2 })

const list = (items: ReadonlyArray<string>): string => {
  const line = `[${items.join(", ")}]`
  return line.length <= 100 && !line.includes("\n") ? line : `[\n  ${items.join(",\n  ")}\n]`
}

/** A definition's own name is most often its variable's, with a capital. */
export const identifier = (name: string): string => {
  const words = name.split(/[^\p{ID_Continue}$]+/u).filter((word) => word !== "")
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")
  return /^\p{ID_Start}/u.test(joined) ? joined : `_${joined}`
}
