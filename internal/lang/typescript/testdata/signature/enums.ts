enum Up { A, B, C = 10, D }
export enum Text { One = "one", Two = 'two' }
declare const enum Computed { A = 1 << 2 }
enum Mixed { A = "a", B = 1 }
export function main(a: Up, b: Text, c: Computed, d: Mixed, e: Text.One, f: Up[]) {}
