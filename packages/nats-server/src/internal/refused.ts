// Refused: why one way of fetching a server did not work; another way may.

/** The reason in words for the user, who reads it beside the other ways that were tried. */
export class Refused {
  readonly _tag = "Refused"
  readonly why: string
  readonly cause: unknown
  constructor(why: string, cause?: unknown) {
    this.why = why
    this.cause = cause
  }
}
