// incoming: messages as they come in, and headers as they are sent, without the types of nats.js.

/** A message as it came in. */
export interface Incoming {
  readonly subject: string
  readonly reply: string | undefined
  readonly isEmpty: boolean
  /** How many bytes its payload has. */
  readonly size: number
  readonly text: () => string
  /** The value of a header, by its exact name. */
  readonly header: (name: string) => string | undefined
  /** The status of a message of the server itself (404, 408, 503…); 0 for others. */
  readonly status: number
  readonly description: string
}

/** Names and values, in their order. */
export type Headers = ReadonlyArray<readonly [name: string, value: string]>
