// The hint: the one command that puts a server onto this kind of machine.
import { onPath } from "./found.ts"

/** The command that installs a server. */
export const installCommand = (): string => {
  if (process.platform === "darwin") return "brew install nats-server"
  if (onPath("apt-get").length > 0) return "apt-get install nats-server"
  return "go install github.com/nats-io/nats-server/v2@latest"
}

/** What to do when there is no server. */
export const installHint = (): string =>
  `Install one with \`${installCommand()}\`, or give \`binary\`, the path of a nats-server program.`
