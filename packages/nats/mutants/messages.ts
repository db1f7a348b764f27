// Broken messages and names: what stands where in a message, what there is room for, and which bytes a token may have.
import type { Mutant } from "./Mutant.ts"

const message = "internal/eventMessage.ts"
const names = "internal/names.ts"

/** Broken messages and names. */
export const messages: ReadonlyArray<Mutant> = [
  {
    law: "Message 1",
    breaks: "one of the sixteen messages before is missing",
    by: [[message, "before.slice(0, known - 1)", "before.slice(0, known - 2)"]]
  },
  {
    law: "Message 1",
    breaks: "the message before is off by one",
    by: [[message, "=> [sequence, ...before", "=> [sequence - 1, ...before"]]
  },
  {
    law: "Message 1",
    breaks: "the messages before are forgotten where the end was not asked for",
    by: [
      [
        message,
        "before: tail === undefined || (!isImported && standsAlone(events)) ? [] : beforeNext(tail)",
        "before: []"
      ]
    ]
  },
  {
    law: "Message 2",
    breaks: "the position of a message is that of its first event",
    by: [[message, "Position.make((sequence + 1) * perMessage - 1)", "Position.make(sequence * perMessage)"]]
  },
  {
    law: "Message 2",
    breaks: "the events of a message stand at the beginning of its number",
    by: [
      [
        "internal/messageEvents.ts",
        "const start = endOf(message.sequence) - lines.length + 1",
        "const start = message.sequence * 1024"
      ]
    ]
  },
  {
    law: "Message 3",
    breaks: "a message holds any number of events",
    by: [["internal/append.ts", "events.length > perMessage", "events.length > 10 * perMessage"]]
  },
  {
    law: "Message 3",
    breaks: "what frames the data does not count for the size of an append",
    by: [
      [
        "internal/append.ts",
        "return bytes <= maxBytes ?",
        "return events.reduce((sum, { data }) => sum + data.length, 0) <= maxBytes ?"
      ]
    ]
  },
  {
    law: "Name 1",
    breaks: "the equals sign stands for itself",
    by: [[names, "byte === 0x2d\n", "byte === 0x2d ||\n  byte === 0x3d\n"]]
  },
  {
    law: "Name 1",
    breaks: "the dot stands for itself",
    by: [[names, "byte === 0x2d\n", "byte === 0x2d ||\n  byte === 0x2e\n"]]
  },
  {
    law: "Name 1",
    breaks: "bytes are written in small letters",
    by: [[names, ".toString(16).toUpperCase()", ".toString(16)"]]
  },
  {
    law: "Name 1",
    breaks: "an empty text is no token",
    by: [[names, `if (text === "") return Result.succeed("=")`, ""]]
  },
  {
    law: "Name 1",
    breaks: "half of a character is one that is not known",
    by: [[names, "if (!text.isWellFormed())", "if (false)"]]
  },
  {
    law: "Name 1",
    breaks: "names are brought to one form of Unicode",
    by: [[names, "encoder.encode(text)", `encoder.encode(text.normalize("NFC"))`]]
  },
  {
    law: "Name 2",
    breaks: "subjects of any length are sent",
    by: [[message, "subject.length <= names.longestSubject", "true"]]
  },
  {
    law: "Name 2",
    breaks: "the names of streams are read as they stand in the subject",
    by: [[message, "`${name}-${names.text(id)}`", "`${name}-${id}`"]]
  },
  {
    law: "Name 3",
    breaks: "the name of a category is a pattern",
    by: [["internal/eventStore.ts", "Result.getOrUndefined(names.token(one.category))", "one.category"]]
  },
  {
    law: "Name 3",
    breaks: "whoever wants a category asks for everything",
    by: [
      [
        "internal/log.ts",
        "feed.open(jetstream, stream, subjectOf(filter), start)",
        "feed.open(jetstream, stream, undefined, start)"
      ]
    ]
  }
]
