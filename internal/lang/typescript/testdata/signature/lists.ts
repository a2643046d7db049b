export function main(
  a: string[], b: Array<number>, c: ReadonlyArray<boolean>, d: readonly string[], e: ("x" | "y")[], f: string[][],
  g: [string, number], h: [name: string, age?: number], i: Set<string>, j: [string, ...number[]], k: { id: number }[],
) {}
