// Broken appends: lost answers, conflicts and repeats that are taken for each other, to one stream and to several.
import type { Mutant } from "./Mutant.ts"

const append = "internal/append.ts"
const all = "internal/appendAll.ts"
const batch = "internal/atomicBatch.ts"

const single: ReadonlyArray<Mutant> = [
  {
    law: "Append 1",
    breaks: "a lost answer is taken for a conflict",
    from: "2.12",
    by: [
      [append, "    if (times === 1 && one.idsAreNew) return undefined\n", "    if (one.idsAreNew) return undefined\n"]
    ]
  },
  {
    law: "Append 1",
    breaks: "a lost request is not sent again",
    by: [[append, "Effect.result(patiently(once))", "Effect.result(once)"]]
  },
  {
    law: "Append 1",
    breaks: "a message that the server knew is somebody's repeat, also where this very call has sent it",
    by: [[append, "if (times > 1 || one.idsAreNew) return stored(known.sequence)", ""]]
  },
  {
    law: "Append 1",
    breaks: "a lost answer is asked for again without an expectation, by a message that the server does not know",
    by: [
      [
        append,
        "jetstream.publish(subject, text, sent, expected)",
        "jetstream.publish(subject, text, times > 1 ? [] : sent, times > 1 ? undefined : expected)"
      ]
    ]
  },
  {
    law: "Append 2",
    breaks: "a conflict is looked up by the last message of the stream",
    from: "2.12",
    by: [
      [
        append,
        "const behind = yield* jetstream.next(log, subject, expected + 1)",
        "const behind = yield* jetstream.last(log, subject)"
      ]
    ]
  },
  {
    law: "Append 2",
    breaks: "a conflict is looked up by the message that was expected",
    from: "2.12",
    by: [
      [
        append,
        "const behind = yield* jetstream.next(log, subject, expected + 1)",
        "const behind = yield* jetstream.next(log, subject, expected)"
      ]
    ]
  },
  {
    law: "Append 2",
    breaks: "after a lost answer whatever stands behind is its own",
    by: [
      [
        append,
        "if (behind === undefined || !isMine(behind, one)) return undefined",
        "if (behind === undefined) return undefined"
      ]
    ]
  },
  {
    law: "Append 3",
    breaks: "the end that was seen last is believed for a conflict",
    by: [[append, "} else if (isFresh) {", "} else {"]]
  },
  {
    law: "Append 3",
    breaks: "the end that was seen last is believed where nothing is brought",
    by: [[append, "one.events.length === 0 ? undefined : tails.seen(subject)", "tails.seen(subject)"]]
  },
  {
    law: "Append 3",
    breaks: "a conflict leaves the end as it was seen",
    by: [
      [
        append,
        "        tail = yield* tails.fresh(subject)\n        isFresh = true\n      }\n      const problem",
        "        isFresh = true\n      }\n      const problem"
      ]
    ]
  },
  {
    law: "Append 4",
    breaks: "an append records what the clock says",
    by: [[append, "Math.max(yield* Clock.currentTimeMillis, tail?.recordedAt ?? 0)", "yield* Clock.currentTimeMillis"]]
  },
  {
    law: "Append 5",
    breaks: "`duplicate: true` is taken for success",
    by: [[append, "if (Result.isSuccess(answer) && !answer.success.duplicate)", "if (Result.isSuccess(answer))"]]
  },
  {
    law: "Append 5",
    breaks: "a message on another subject is taken for the one that was sent",
    by: [
      [
        append,
        "known === undefined || known.subject !== subject || !isMine(known, one)",
        "known === undefined || !isMine(known, one)"
      ]
    ]
  },
  {
    law: "Append 6",
    breaks: "who was slower than others behind no expectation gives up",
    by: [["internal/append.ts", "const tries = 1000", "const tries = 3"]]
  },
  {
    law: "Append 6",
    breaks: "what is expected is looked at once, and never again",
    by: [[append, "if (isMet(one.expected, tail?.revision)) {", "if (i > 0 || isMet(one.expected, tail?.revision)) {"]]
  },
  {
    law: "Append 6",
    breaks: "an append has no expectation of the message before it",
    by: [[append, "jetstream.publish(subject, text, sent, expected)", "jetstream.publish(subject, text, sent)"]]
  }
]

const underWay: ReadonlyArray<Mutant> = [
  {
    law: "Append 7",
    breaks: "a refusal where nothing is there yet is a conflict",
    from: "2.12",
    by: [[append, "behind === undefined ? underWay(subject) : error", "error"]]
  }
]

const several: ReadonlyArray<Mutant> = [
  {
    law: "Append 4",
    breaks: "appendAll records what the clock says",
    by: [[all, "Math.max(clock, ends[i]?.recordedAt ?? 0)", "clock"]]
  },
  {
    law: "Batch 1",
    breaks: "a batch whose answer was lost is a conflict with itself",
    by: [[all, "if (!wasLost && isWrongLast(error)) return undefined", "return undefined"]]
  },
  {
    law: "Batch 1",
    breaks: "a batch whose answer was lost is looked up at the end of its first stream",
    by: [[all, "jetstream.next(log, subject, expectedLast + 1)", "jetstream.last(log, subject)"]]
  },
  {
    law: "Batch 1",
    breaks: "a batch whose answer was lost is given up",
    by: [[all, "if (!isTransient(error)) return yield* error", "return yield* error"]]
  },
  {
    law: "Batch 2",
    breaks: "only the first message of a batch expects something",
    by: [
      [
        batch,
        `      ["Nats-Expected-Last-Subject-Sequence", String(messages[i]?.expectedLast ?? 0)],`,
        `      ...(i > 0 ? [] : [["Nats-Expected-Last-Subject-Sequence", String(messages[i]?.expectedLast ?? 0)] as const]),`
      ]
    ]
  },
  {
    law: "Batch 2",
    breaks: "the conflict of a batch is that of its first stream",
    by: [
      [
        all,
        `return { _tag: "Conflict", index, actual: ends[index]?.revision }`,
        `return { _tag: "Conflict", index: 0, actual: ends[0]?.revision }`
      ]
    ]
  },
  {
    law: "Batch 2",
    breaks: "a batch that finds a stream moved is not made again",
    by: [[all, "for (const subject of subjects) tails.forget(subject)", "break"]]
  },
  {
    law: "Batch 3",
    breaks: "appendAll goes by the ids of its first stream",
    by: [[all, "      if (idsAreNew) continue\n", "      if (idsAreNew || index > 0) continue\n"]]
  },
  {
    law: "EventStore 2.3",
    breaks: "a batch begins where it ends",
    by: [[batch, "first = answer.seq - messages.length + 1", "first = answer.seq"]]
  },
  {
    law: "Batch 2",
    breaks: "the messages of a batch are sent one by one",
    by: [
      [
        batch,
        `      ["Nats-Batch-Id", id],\n      ["Nats-Batch-Sequence", String(i + 1)],\n      ...(i === messages.length - 1 ? ([["Nats-Batch-Commit", "1"]] as const) : [])\n`,
        ""
      ]
    ]
  },
  {
    law: "Batch 4",
    breaks: "a refusal of a batch where nothing is there yet is a conflict",
    by: [[all, "if (at >= 0 || !wasLost) return undefined", "return undefined"]]
  }
]

/** Broken appends. */
export const appends: ReadonlyArray<Mutant> = [
  ...single,
  ...underWay,
  ...several.map((mutant) => ({ ...mutant, from: "2.12" as const }))
]
