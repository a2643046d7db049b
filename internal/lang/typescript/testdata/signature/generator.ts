export async function* main(n: number): AsyncGenerator<string> { yield "a" }
