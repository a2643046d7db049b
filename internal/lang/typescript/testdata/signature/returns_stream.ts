export const main = async (prompt: string): Promise<ReadableStream<string>> => ask(prompt);
