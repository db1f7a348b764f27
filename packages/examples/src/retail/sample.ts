// Invoices from a seed, in the shape and with the dirt of the real ones; for tests, the demo and whoever has no data.

export interface SampleOptions {
  readonly seed: number
  readonly invoices: number
  /** Adds so many lines that are no rows, somewhere between the others. */
  readonly malformed?: number
}

const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

const products: ReadonlyArray<readonly [code: string, description: string, price: string]> = [
  ["85123A", "WHITE HANGING HEART T-LIGHT HOLDER", "2.55"],
  ["71053", "WHITE METAL LANTERN", "3.39"],
  ["22752", "SET 7 BABUSHKA NESTING BOXES", "7.65"],
  ["21216", "SET 3 RETROSPOT TEA,COFFEE,SUGAR", "4.95"],
  ["22041", 'RECORD FRAME 7" SINGLE SIZE ', "2.1"],
  ["84029E", "RED WOOLLY HOTTIE WHITE HEART.", "3.75"],
  ["22745", "POPPY'S PLAYHOUSE BEDROOM ", "2.1"],
  ["82613B", "METAL SIGN,CUPCAKE SINGLE HOOK", "0.42"],
  ["21080", "SET/20 RED SPOTTY PAPER NAPKINS ", "0.855"],
  ["PADS", "PADS TO MATCH ALL CUSHIONS", "0.001"],
  ["POST", "POSTAGE", "18.0"],
  ["22423", "REGENCY CAKESTAND\n3 TIER", "12.75"]
]

const countries = ["France", "Germany", "EIRE", "Netherlands", "Channel Islands", "Japan"]

const broken: ReadonlyArray<(invoiceNo: string) => string> = [
  (no) => `${no},85123A,TOO FEW COLUMNS,6`,
  (no) => `${no},85123A,TOO,MANY,COLUMNS,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom`,
  (no) => `${no},85123A,NO QUANTITY,six,2010-12-01 08:26:00,2.55,17850.0,United Kingdom`,
  (no) => `${no},85123A,NO PRICE,6,2010-12-01 08:26:00,?,17850.0,United Kingdom`,
  (no) => `${no},85123A,FINER THAN A MILL,1,2010-12-01 08:26:00,0.0005,17850.0,United Kingdom`,
  (no) => `${no},85123A,NO SUCH DAY,6,2010-02-30 08:26:00,2.55,17850.0,United Kingdom`,
  (no) => `${no},85123A,A QUOTE" INSIDE,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom`,
  (no) => `${no},85123A,"NEVER CLOSED,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom`,
  () => `,85123A,NO INVOICE,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom`
]

/** The text of a CSV file; the same options give the same text. */
export const generate = ({ invoices, malformed = 0, seed }: SampleOptions): string => {
  const random = randomOf(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const oneOf = <A>(values: ReadonlyArray<A>): A => values[below(values.length)] as A
  const chance = (p: number): boolean => random() < p
  const lines: Array<string> = []

  for (let i = 0; i < invoices; i++) {
    const what = random()
    const kind = what < 0.82 ? "order" : what < 0.98 ? "creditNote" : "adjustment"
    const invoiceNo = `${kind === "order" ? "" : kind === "creditNote" ? "C" : "A"}${540_000 + i}`
    // Minutes go by from one invoice to the next, from November into the new year.
    const time = new Date(
      Date.UTC(2010, 10, 29, 8, 0) + Math.floor((i * 45 * 86_400_000) / invoices) + below(3_600_000)
    )
    const date = time.toISOString().slice(0, 19).replace("T", " ")
    const customer = chance(0.25) ? "" : `${12_346 + below(Math.max(3, invoices >> 2))}.0`
    const country = chance(0.8) ? "United Kingdom" : oneOf(countries)
    const allFree = chance(0.03)
    const onlyNegative = kind === "order" && chance(0.05)
    for (let row = 1 + below(chance(0.1) ? 40 : 8); row > 0; row--) {
      const [code, description, listed] = oneOf(products)
      const pieces = chance(0.02) ? 0 : oneOf([1, 2, 3, 4, 6, 12, 24, 48, 144])
      const negative = kind === "creditNote" ? !chance(0.03) : onlyNegative || chance(0.03)
      const price = allFree || chance(0.03) ? "0.0" : chance(0.01) ? `-${listed}` : listed
      const text = chance(0.02) ? "" : description
      const fields = [
        invoiceNo,
        code,
        text,
        `${negative && pieces > 0 ? -pieces : pieces}`,
        date,
        price,
        customer,
        country
      ]
      const line = fields.map(quoted).join(",")
      lines.push(line)
      // Two like rows of an invoice are two rows.
      if (chance(0.02)) lines.push(line)
    }
  }
  for (let i = 0; i < malformed; i++) {
    lines.splice(
      below(lines.length + 1),
      0,
      (broken[i % broken.length] as (no: string) => string)(`${540_000 + below(invoices)}`)
    )
  }
  return `${[header, ...lines].join("\n")}\n`
}

const quoted = (field: string): string => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

/** Mulberry32: numbers from 0 to 1 that depend on the seed alone. */
const randomOf = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
