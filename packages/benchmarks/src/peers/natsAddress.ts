// Where a peer on NATS finds its store: the server, and the name that its streams begin with.

/** The parts of a store's address, `nats://host:port/prefix`. */
export const addressOf = (url: string): { readonly servers: string; readonly prefix: string } => {
  const at = new URL(url)
  const prefix = at.pathname.slice(1)
  at.pathname = ""
  return { servers: at.href, prefix }
}
