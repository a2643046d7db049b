type Box<T, U = number> = { value: T; other: U };
interface Page<T> { items: T[]; next?: string }
export async function main<T extends string>(a: Box<string>, b: Page<Box<boolean, Date>>, c: T, d: Partial<{ x: string; y: number }>,
  e: Pick<{ x: string; y: number }, "x">, f: Omit<{ x: string; y: number }, "x">, g: Required<{ x?: string }>, h: Promise<string>,
  i: Readonly<{ x: string }>, j: NonNullable<string | null>, k: Exclude<"a" | "b", "a">): Promise<void> {}
