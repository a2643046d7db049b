export const main = x => x;
