/** Not this one. */
const x = 1;

/**
 * Sends a letter.
 *
 * Two paragraphs.
 * @param to - who gets it
 * @param {string} subject what it is about,
 *   over two lines
 * @param [copies=1] how many
 * @returns nothing
 */
export async function main(
  to: string,
  subject: string,
  copies = 1,
  /** how loud */
  volume: number,
  tone: string, // which tone
  // asked for by the desk
  last: Limits,
) {}

interface Limits {
  /**
   * Of the mailbox
   * @minimum 1
   * @maximum 10
   */
  size: number;
  /** @minLength 2 @pattern */
  code: string;
  /**
   * @pattern ^[a-z]+$
   * @format hostname
   */
  host: string;
}
