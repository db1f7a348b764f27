// Broken imports: messages that mix what was recorded at different times, ids that nobody knows afterwards.
import type { Mutant } from "./Mutant.ts"

const events = "internal/importEvents.ts"

export const imports: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 13.1",
    breaks: "neighbours of a stream are one message, whenever they were recorded",
    by: [[events, "      before.recordedAt === event.recordedAt &&\n", ""]]
  },
  {
    law: "EventStore 13.2",
    breaks: "an imported event follows anything",
    by: [[events, "const problem = followProblem(first, tail)", "const problem = undefined as string | undefined"]]
  },
  {
    law: "EventStore 13.2",
    breaks: "an id that is stored is imported again",
    by: [[events, "if (known !== undefined) {", "if (known !== undefined && known.index < 0) {"]]
  },
  {
    law: "EventStore 13.3",
    breaks: "the ids of imported events are not claimed",
    by: [
      [
        events,
        "claims.assign(id, subject, tail?.sequence ?? 0)",
        "Effect.as(Effect.succeed([id, subject, tail]), false)"
      ]
    ]
  },
  {
    law: "EventStore 13.9",
    breaks: "every stream begins at revision 0 where it is imported",
    by: [[events, "first.revision === 0 ? undefined", "tail === undefined ? undefined"]]
  },
  {
    law: "EventStore 13.10",
    breaks: "an imported tombstone names what stands before a hole",
    by: [[events, "first.revision > tail.revision + 1 ? undefined : tail", "tail.revision < 0 ? undefined : tail"]]
  },
  {
    law: "EventStore 13.10",
    breaks: "an imported tombstone shares the message of what it stands for",
    by: [[events, "      !isTombstone(event) &&\n      !isTombstone(before) &&\n", ""]]
  }
]
