enum Color { Red = "red", Green = "green" }
const LIMIT = 50;
export function main(
  a?: string,
  b: string = "x",
  c = 3,
  d = "it's",
  e = true,
  f: string[] = ["a", "b"],
  g = { deep: [1, 2.5, { k: null }], "quo\u0074ed": `t` },
  h = -1.5e3,
  i = 0xff,
  j: number = LIMIT,
  k: Color = Color.Green,
  l = process.env.HOME,
  m: string | undefined = undefined,
  n: bigint = 12345678901234567890n,
  o = new Date(),
  p: Date = new Date("2020-01-02T03:04:05Z"),
  q = [] as string[],
  r: string | null = null,
) {}
