export function main(a: `id-${string}`, b: symbol, c: never, d: void, e: (x: string) => void, f: typeof globalThis, g: unique symbol, h: string extends any ? 1 : 2) {}
