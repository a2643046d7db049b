type Size = "s" | "m" | "l";
export function main(
  a: "x" | "y",
  b: Size | null,
  c: 1 | 2 | 3,
  d: true | false,
  e: string | number,
  f: string | null,
  g: number | undefined,
  h: Size | "xl",
  i: "only",
  j: string | "also",
  k: string[] | string | null,
  l: null,
  m: "a" | 1 | null,
  n: any | string,
) {}
