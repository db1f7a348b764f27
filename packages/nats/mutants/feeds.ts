// Broken feeds and reads: a server that forgets, miscounts or falls silent is believed, and edges of windows are lost.
import type { Mutant } from "./Mutant.ts"

const feed = "internal/feed.ts"
const log = "internal/log.ts"
const reads = "internal/streamReads.ts"

/** Broken feeds. */
export const feeds: ReadonlyArray<Mutant> = [
  {
    law: "Feed 1",
    breaks: "a number that is left out is skipped",
    by: [[feed, "if (place.n !== received + 1)", "if (place.n < received)"]]
  },
  {
    law: "Feed 1",
    breaks: "a feed that broke off is not replaced in a read",
    by: [
      [
        log,
        "return Effect.retry(once, { while: (error) => error.isRetryable, times: 3 })\n  }\n\n  /** All events between",
        "return once\n  }\n\n  /** All events between"
      ]
    ]
  },
  {
    law: "Feed 2",
    breaks: "what a heartbeat says was sent is not compared with what came",
    by: [[feed, "if (sent !== received)", "if (false)"]]
  },
  {
    law: "Feed 3",
    breaks: "what the server counts as waiting is believed",
    by: [[feed, "(isOver || !isMore || isIdle)", "(isOver || !isMore)"]]
  },
  {
    law: "Feed 4",
    breaks: "who hears nothing goes on listening",
    by: [[feed, `setTimeout(() => fail("nothing was heard of it"), silence)`, "undefined"]]
  },
  {
    law: "Feed 5",
    breaks: "a page goes as far as what came, and not as what it gives",
    by: [[feed, "given = buffer.length === 0 ? through : (last?.sequence ?? given)", "given = through"]]
  },
  {
    law: "Feed 5",
    breaks: "a page goes one further than its last message",
    by: [[feed, "(last?.sequence ?? given)", "(last === undefined ? given : last.sequence + 1)"]]
  },
  {
    law: "Feed 6",
    breaks: "a heartbeat says nothing of how far the feed has come",
    by: [[feed, "if (last > through) {", "if (false) {"]]
  },
  {
    law: "Feed 6",
    breaks: "a heartbeat carries the feed one too far",
    by: [[feed, "          through = last\n", "          through = last + 1\n"]]
  },
  {
    law: "Feed 7",
    breaks: "a window of numbers lacks its upper edge",
    by: [[log, "if (sequenceOf(event.position) <= high)", "if (sequenceOf(event.position) < high)"]]
  },
  {
    law: "Feed 7",
    breaks: "between two windows one message is lost",
    by: [[log, "high = low - 1\n", "high = low - 2\n"]]
  },
  {
    law: "Feed 7",
    breaks: "a window begins one too late",
    by: [[log, "yield* between(filter, low, high)", "yield* between(filter, low + 1, high)"]]
  },
  { law: "Feed 8", breaks: "clocks are believed to agree", by: [[log, "const skew = 60_000", "const skew = 0"]] },
  {
    law: "Feed 9",
    breaks: "what a server has not got yet is not missed",
    by: [[reads, "if (gap < 0) return Effect.void", "return Effect.void"]]
  },
  {
    law: "Feed 9",
    breaks: "what a server has not got yet is asked for without an end",
    by: [
      [
        "internal/streamMessages.ts",
        "if (messages.length === 0) return yield* missing(last.subject, first)",
        "if (messages.length === 0) continue"
      ]
    ]
  },
  {
    law: "Feed 11",
    breaks: "a stream is folded from the message behind the one that holds its revision",
    by: [[reads, "(sequence) => Math.max(1, sequence)", "(sequence) => sequence + 1"]]
  },
  {
    law: "EventStore 7.3",
    breaks: "what is left of a message when a page is full is lost",
    by: [[log, "cursor.rest = coming.slice(i)", "cursor.rest = coming.slice(i + 1)"]]
  },
  {
    law: "Feed 10",
    breaks: "a read goes as far as what came, and not as what it gives",
    by: [
      [
        log,
        "next === undefined ? before(cursor.through) : (last?.position ?? Position.make(next.position - 1))",
        "before(cursor.through)"
      ]
    ]
  },
  {
    law: "Feed 10",
    breaks: "who follows gets the event again that it has passed",
    by: [[log, "event.position > after && matches(event)", "event.position >= after && matches(event)"]]
  },
  {
    law: "EventStore 7.4",
    breaks: "the message that holds a revision is looked for one too late",
    by: [[reads, "(sequence) => Math.max(1, sequence)", "(sequence) => sequence + 1"]]
  },
  {
    law: "EventStore 7.6",
    breaks: "the first event of a time is looked for one too late",
    by: [[reads, "perMessage * (1 + (yield* messages.lastBefore(", "perMessage * (2 + (yield* messages.lastBefore("]]
  },
  {
    law: "Feed 11",
    breaks: "a history that is not the first page begins with the next message",
    by: [
      [
        reads,
        "remember(subject, reached, sequenceOf(newest.last))",
        "remember(subject, reached, sequenceOf(newest.last) + 1)"
      ]
    ]
  }
]
