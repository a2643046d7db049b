export const main = workflow(async (a: string, n: number = 3) => a) satisfies Function;
