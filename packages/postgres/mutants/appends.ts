// Broken appends: groups whose members do not keep to themselves, ids that are not looked for, heads that are stale.
import type { Edit, Mutant } from "./Mutant.ts"

const event = "internal/sql/functions/appendEvent.ts"
const events = "internal/sql/functions/appendEvents.ts"
const one = "internal/sql/functions/appendOne.ts"
const group = "internal/sql/functions/appendGroup.ts"
const all = "internal/sql/functions/appendAll.ts"
const queue = "internal/groupCommit.ts"
const statements = "internal/appendStatements.ts"

const unclocked = (file: string, latest: string, now: string): Edit => [file, `greatest(${latest}, ${now})`, now]

const groups: ReadonlyArray<Mutant> = [
  {
    law: "Append 1",
    breaks: "one conflict keeps the whole group from being stored",
    by: [[group, "IF NOT stores OR (p_all AND (", "IF NOT stores OR (true AND ("]]
  },
  {
    law: "Append 1",
    breaks: "a member that is refused leaves a hole in the revisions",
    by: [[group, "      clash := true;", "      clash := true;\n      head := head + p_counts[i];"]]
  },
  {
    law: "Append 1",
    breaks: "the members of a group lose their order",
    by: [[queue, "group.sort(", "group.reverse().sort("]]
  },
  {
    law: "Append 1",
    breaks: "the answers of a group come in another order",
    by: [
      [queue, "Exit.map(exit, (answers) => answers[i])", "Exit.map(exit, (answers) => answers[group.length - 1 - i])"]
    ]
  },
  {
    law: "Append 1",
    breaks: "a conflict in a group is no repeat",
    by: [[group, "      clash := true;", "      clash := false;"]]
  },
  {
    law: "Append 1",
    breaks: "a stream that somebody holds is a conflict",
    by: [[group, "IF NOT held[i] THEN outcomes[i] := 3;", "IF NOT held[i] THEN outcomes[i] := 1;"]]
  },
  {
    law: "Append 2",
    breaks: "a group that fails fails for all its members",
    by: [[queue, "    if (!member.solo) {", "    if (!member.solo) {\n      return member.done(exit as never)"]]
  },
  {
    law: "EventStore 2.4",
    breaks: "appendAll stores what it can",
    by: [[group, "IF NOT stores OR (p_all AND (", "IF NOT stores OR (false AND ("]]
  }
]

const ids: ReadonlyArray<Mutant> = [
  {
    law: "Append 6",
    breaks: "an append that finds its stream elsewhere does not look for its ids",
    by: [[one, "IF n > 0 AND (p_wait OR p_expected <> head) AND EXISTS (", "IF false AND EXISTS ("]]
  },
  {
    law: "EventStore 3.1",
    breaks: "a repeat is not told from a first append",
    by: [[queue, "repeated: !member.doubtful", "repeated: false"]]
  },
  {
    law: "Append 6",
    breaks: "ids are looked for in their own stream",
    by: [
      [one, "WHERE e.id = u.id LIMIT 1", "WHERE e.id = u.id AND e.stream = p_stream LIMIT 1"],
      [one, "IF violated = 'events_id'", "IF false"]
    ]
  },
  {
    law: "Append 7",
    breaks: "an append whose answer was lost takes itself for somebody else's",
    by: [[queue, "repeated: !member.doubtful", "repeated: true"]]
  },
  {
    law: "Append 7",
    breaks: "an append whose answer was lost is not tried again",
    by: [
      [
        queue,
        "if (isConnection(error)) return tryAgain(member, error)",
        "if (isConnection(error)) return member.done(Exit.fail(error))"
      ]
    ]
  },
  {
    law: "EventStore 3.11",
    breaks: "appendAll goes by half of its ids",
    by: [
      [
        statements,
        "appends.flatMap(({ events }) => events.map(({ id }) => id))",
        "appends.slice(0, 1).flatMap(({ events }) => events.map(({ id }) => id))"
      ]
    ]
  }
]

const heads: ReadonlyArray<Mutant> = [
  {
    law: "Append 3",
    breaks: "the head is read in the statement that waits for the stream",
    by: [
      [
        one,
        'IF p_wait THEN nothing := pg_advisory_xact_lock(${streamKey(schema, "p_stream")});',
        "IF p_wait THEN SELECT e.revision, e.recorded_at, e.type, l.x::text INTO head, at, last_type, nothing " +
          'FROM (SELECT pg_advisory_xact_lock(${streamKey(schema, "p_stream")}) x OFFSET 0) l ' +
          "LEFT JOIN LATERAL (SELECT * FROM ${schema}.events e WHERE e.stream = p_stream AND l.x IS NOT NULL ORDER BY e.revision DESC LIMIT 1) e ON true;"
      ],
      [
        one,
        "  SELECT e.revision, e.recorded_at, e.type INTO head, at, last_type",
        "  IF NOT p_wait THEN SELECT e.revision, e.recorded_at, e.type INTO head, at, last_type"
      ],
      [one, "ORDER BY e.revision DESC LIMIT 1;\n  head :=", "ORDER BY e.revision DESC LIMIT 1; END IF;\n  head :="]
    ]
  },
  {
    law: "Append 4",
    breaks: "append_event records what the clock says",
    by: [unclocked(event, "head.recorded_at", "${now}")]
  },
  {
    law: "Append 4",
    breaks: "append_events records what the clock says",
    by: [unclocked(events, "head.recorded_at", "floor.now")]
  },
  { law: "Append 4", breaks: "append_one records what the clock says", by: [unclocked(one, "at", "now_")] },
  {
    law: "Append 4",
    breaks: "append_group records what the clock says",
    by: [unclocked(group, "times[u.member]", "now_")]
  },
  {
    law: "Append 5",
    breaks: "a head that an old snapshot shows is a conflict",
    by: [["internal/sql/functions/refuseStale.ts", "IF NOT ${keepsSnapshot} THEN RETURN NULL; END IF;", "RETURN NULL;"]]
  },
  {
    law: "Append 5",
    breaks: "appendAll takes a grown stream for an id that is known",
    by: [[all, "IF violated <> 'events_id' OR ${keepsSnapshot} THEN", "IF false THEN"]]
  }
]

const quick: ReadonlyArray<Mutant> = [
  {
    law: "Append 8",
    breaks: "nothing but what appends expect keeps two events from one revision",
    by: [
      [
        "internal/migrations/0001_events.ts",
        "events_stream_revision UNIQUE (stream, revision)",
        "events_stream_revision UNIQUE (stream, revision, id)"
      ]
    ]
  },
  {
    law: "Append 8",
    breaks: "a stream that is not where it was expected is appended to all the same, by append_event",
    by: [
      [event, "${expected} + 1", "head.revision + 1"],
      [event, "WHERE head.revision = ${expected} AND", "WHERE"]
    ]
  },
  {
    law: "Append 8",
    breaks: "append_event does not look where its stream is",
    by: [[event, "WHERE head.revision = ${expected} AND", "WHERE"]]
  },
  {
    law: "Append 8",
    breaks: "append_events does not look where its streams are",
    by: [[events, " AND coalesce(head.revision, -1) = u.expected", ""]]
  },
  {
    law: "Append 8",
    breaks: "the answers of append_events come in the order in which it stored",
    by: [[events, "array_agg(s.position ORDER BY u.place)", "array_agg(s.position ORDER BY s.position)"]]
  },
  {
    law: "Append 8",
    breaks: "what the shortest way in is unsure of is a conflict",
    by: [
      [
        queue,
        "member.unsure = true\n        returning.push(member)",
        'member.done(Exit.succeed({ _tag: "Conflict", index: 0, actual: undefined }))'
      ]
    ]
  },
  {
    law: "Append 8",
    breaks: "what the shortest way in is unsure of goes that way again",
    by: [[queue, "member.unsure = true\n", ""]]
  }
]

/** Broken appends. */
export const appends: ReadonlyArray<Mutant> = [...groups, ...ids, ...heads, ...quick]
