// rights: with whose rights the functions run, and who may call them.

/**
 * Runs a function with its owner's rights, so that its callers need none on what it touches.
 *
 * Events are only stored by the functions that append: who could INSERT could do without the floor, and readers would
 * miss what they pass. The path is pinned, so that no caller can put an operator of his own beneath ours.
 */
export const asOwner = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

/** Functions are everyone's unless that is taken back: of each that these statements create, from all but its owner. */
export const takenBack = (statements: ReadonlyArray<string>): ReadonlyArray<string> =>
  statements.flatMap((text) => {
    const [, name] = /^\s*CREATE FUNCTION ([^(]+)\(/m.exec(text) ?? []
    return name === undefined ? [] : [`REVOKE ALL ON FUNCTION ${name} FROM PUBLIC`]
  })
