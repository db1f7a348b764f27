// secrets: what is never said: the passwords and tokens of addresses, wherever in a text they stand.

// The `user:password` of our own explanations is nobody's.
const password = /(:\/\/(?!user:password@)[^\s":@/]*):[^\s"]*@/g
const token = /((?:nats|tls):\/\/)[^\s":@/]*@/gi
const option = /([?&][^=&\s"]*(?:password|token)=)[^&\s"]*/gi

/** A text without what signs somebody in. */
export const withoutSecrets = (text: string): string =>
  text.replace(password, "$1:***@").replace(token, "$1***@").replace(option, "$1***")
