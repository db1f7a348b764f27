// Migration 8: the messages of the bus can be removed when they are old.
import { revisionAt } from "../sql/functions/revisionAt.ts"
import { takenBack } from "../sql/functions/rights.ts"
import { truncateStream } from "../sql/functions/truncateStream.ts"

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => [
  truncateStream(schema),
  ...takenBack([truncateStream(schema)]),
  // Streams may begin above revision 0 from here on.
  revisionAt(schema).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
]
