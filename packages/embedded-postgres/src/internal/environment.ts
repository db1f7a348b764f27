// The environment of the server's programs: this process's own, without what would change them unseen.

/** The variables: none of libpq's and the server's own (PGDATA, PGPORT…), and messages in plain English. */
export const environment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name))),
  LC_ALL: "C"
})
