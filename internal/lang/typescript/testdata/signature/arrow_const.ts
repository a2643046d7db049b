/** An arrow. */
export const main = async (a: string, b = 2) => a + b;
