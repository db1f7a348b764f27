// Broken checkpoints, leases and read models.
import type { Mutant } from "./Mutant.ts"

const checkpoints = "internal/checkpointStore.ts"

/** Broken small stores. */
export const small: ReadonlyArray<Mutant> = [
  {
    law: "ReadModelStore 3",
    breaks: "a row is written whatever position it was true at",
    by: [["internal/sql/upsertRows.ts", "\nWHERE held.position <= excluded.position", ""]]
  },
  {
    law: "CheckpointStore 10",
    breaks: "the checkpoint moves when the transaction of the writes is over",
    by: [
      [
        checkpoints,
        `transaction(
                    Effect.andThen(
                      hurry(moves),
                      Effect.tap(writes, () => move(moves, String(idleLimit(moves))))
                    )
                  )`,
        "Effect.tap(transaction(writes), () => move(moves, null))"
      ]
    ]
  },
  {
    law: "CheckpointStore 2",
    breaks: "a checkpoint moves from wherever it stands",
    by: [["internal/sql/moveCheckpoints.ts", "c.position = m.source AND", "c.position >= least(0, m.source) AND"]]
  },
  {
    law: "CheckpointStore 17",
    breaks: "a move does not look at its lease's token",
    by: [["internal/sql/moveCheckpoints.ts", "(c.token = m.token AND c.holder = m.holder)", "m.holder IS NOT NULL"]]
  },
  {
    law: "Lease 1",
    breaks: "a bidder goes by its own clock",
    by: [
      [
        "internal/sql/acquireLeases.ts",
        "held.lease_until <= clock_timestamp()",
        "held.lease_until <= to_timestamp($4::float8 / 1000)"
      ],
      [
        checkpoints,
        'run("acquire", statements.acquire, params)',
        'Effect.flatMap(Effect.promise(() => import("effect/Clock")), (Clock) => Effect.flatMap(Clock.currentTimeMillis, ' +
          '(now) => run("acquire", statements.acquire, [...params, PgTypes.float8(now)])))'
      ]
    ]
  }
]
