// Broken buses: messages of a key that overtake each other, headers that are no headers, and messages that nobody expected.
import type { Mutant } from "./Mutant.ts"

const publish = "internal/busPublish.ts"
const headers = "internal/busHeaders.ts"
const message = "internal/busMessage.ts"
const log = "internal/busLog.ts"

/** Broken buses. */
export const buses: ReadonlyArray<Mutant> = [
  {
    law: "Order 1",
    breaks: "several messages of a key are on their way",
    by: [
      [
        publish,
        "    for (const one of messages) {\n      const sent = yield* send(append, one)\n",
        "    const all = yield* Effect.forEach(messages, (one) => send(append, one), { concurrency: 8 })\n    for (const sent of all) {\n"
      ]
    ]
  },
  {
    law: "Order 1",
    breaks: "messages have no order by their keys",
    by: [
      [publish, "byKey.get(one.key)", 'byKey.get(one.headers[0]?.[1] ?? "")'],
      [publish, "byKey.set(one.key, [one])", 'byKey.set(one.headers[0]?.[1] ?? "", [one])']
    ]
  },
  {
    law: "Order 2",
    breaks: "a text with a line break stands in a header as it is",
    by: [[headers, "unsafe.test(text) || ", ""]]
  },
  {
    law: "Order 2",
    breaks: "a text that begins with a double quote stands in a header as it is",
    by: [[headers, `text.startsWith('"') || unsafe`, "unsafe"]]
  },
  {
    law: "Order 2",
    breaks: "spaces around a text are left to the server",
    by: [[headers, "text.trim() !== text || ", ""]]
  },
  {
    law: "Order 2",
    breaks: "what JSON leaves as it is may be taken for a line's end",
    by: [[headers, "escaped(JSON.stringify(text))", "JSON.stringify(text)"]]
  },
  {
    law: "Order 3",
    breaks: "a payload that is no JSON stops the group",
    by: [[message, "  } catch {\n    return payload\n  }", "  } catch {\n    throw new Error(payload)\n  }"]]
  },
  {
    law: "Order 3",
    breaks: "a header that is no JSON stops the group",
    by: [[headers, "  } catch {\n    return undefined\n  }", "  } catch {\n    throw new Error(value)\n  }"]]
  },
  {
    law: "Order 3",
    breaks: "an id of any shape is taken for one",
    by: [
      [
        message,
        "if (lower !== undefined && EventId.isEventId(lower)) return lower",
        "if (lower !== undefined) return lower as EventId.EventId"
      ]
    ]
  },
  {
    law: "Order 3",
    breaks: "a version of any shape is taken for one",
    by: [
      [
        message,
        'const version = wholeOf(header("Ev-Schema-Version")) ?? 0',
        'const version = Number(header("Ev-Schema-Version") ?? 1)'
      ]
    ]
  },
  {
    law: "Order 4",
    breaks: "the last message of a part goes as well",
    by: [[log, "Math.min(sequenceOf(before), young, last.sequence)", "Math.min(sequenceOf(before), young)"]]
  },
  {
    law: "Order 4",
    breaks: "messages go however young they are",
    by: [[log, "Math.min(sequenceOf(before), young, last.sequence)", "Math.min(sequenceOf(before), last.sequence)"]]
  },
  {
    law: "Order 4",
    breaks: "the message at the position goes as well",
    by: [
      [
        log,
        "Math.min(sequenceOf(before), young, last.sequence)",
        "Math.min(sequenceOf(before) + 1, young, last.sequence)"
      ]
    ]
  },
  {
    law: "Order 5",
    breaks: "whatever the server knows by its id is this very message",
    by: [
      [
        publish,
        "duplicate ? known(append, one, sequence)",
        'duplicate ? Effect.succeed({ _tag: "Sent", sequence, repeated: true })'
      ]
    ]
  },
  {
    law: "Order 5",
    breaks: "a message whose answer was lost gets an id of its own",
    by: [
      [
        publish,
        "jetstream.publish(one.subject, one.payload, one.headers)",
        'jetstream.publish(one.subject, one.payload, one.headers.filter(([name]) => name !== "Nats-Msg-Id"))'
      ]
    ]
  },
  {
    law: "Order 6",
    breaks: "the headers of a message may have any size",
    by: [[message, "return size > longestHeaders", "return false"]]
  },
  {
    law: "Order 6",
    breaks: "the subject of a message may have any length",
    by: [[message, "if (subject.length > names.longestSubject) {", "if (false) {"]]
  }
]
