export async function main(s: string, n: number, b: boolean, i: bigint, d: Date, a: any, u: unknown, o: object, none) {}
