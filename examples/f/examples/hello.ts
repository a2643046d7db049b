/**
 * Greets somebody. Change me and press Ctrl+Enter.
 * @param name who to greet
 * @param excitement how many exclamation marks
 */
export async function main(name: string = "world", excitement: number = 1) {
  console.log(`greeting ${name}`);
  return { greeting: `Hello, ${name}${"!".repeat(excitement)}` };
}
