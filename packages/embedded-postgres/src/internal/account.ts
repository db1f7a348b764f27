// The account that the server runs as: PostgreSQL refuses root, so root hands it to a user without rights.
import * as fs from "node:fs"
import * as path from "node:path"

/** A user and a group, by number. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

const number = process.platform === "darwin" ? 2 ** 32 - 2 : 65534

/** The user and group "nobody", who own nothing else. */
const nobody: Account = { uid: number, gid: number }

/** Whether this process is root. */
export const isRoot = (): boolean => process.getuid?.() === 0

/**
 * Who must run the server over this data, or undefined for this process's own user.
 *
 * Data that an ordinary user made stays that user's when root runs the same project once.
 */
export const accountFor = (data: string): Account | undefined => {
  if (!isRoot()) return undefined
  const stat = fs.statSync(data, { throwIfNoEntry: false })
  return stat === undefined || stat.uid === 0 ? nobody : { uid: stat.uid, gid: stat.gid }
}

// libuv takes a signed number, but some systems give nobody's as 2^32 - 2.
const signed = (id: number): number => id | 0

/** The account as options of `spawn`. */
export const spawnAs = (account: Account | undefined): { readonly uid?: number; readonly gid?: number } =>
  account === undefined ? {} : { uid: signed(account.uid), gid: signed(account.gid) }

/** The first place on the way to this folder or program, itself included, that the account may not enter or run. */
export const barrier = (place: string, account: Account): string | undefined => {
  const real = fs.realpathSync(place)
  const { root } = path.parse(real)
  const way = path.relative(root, real).split(path.sep)
  let at = root
  for (const name of ["", ...way]) {
    at = path.join(at, name)
    const { gid, mode, uid } = fs.statSync(at)
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return at
  }
  return undefined
}
