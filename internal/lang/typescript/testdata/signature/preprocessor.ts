export async function preprocessor(event: { kind: string }) { return { a: "x" } }
export function main(a: string) {}
