// Finding by a few letters: every word typed must be found; starts of words count more than letters strewn about.

/** How well the text answers the query; 0: not at all. */
export function score(query: string, text: string): number {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return 1;
  const hay = text.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const s = scoreWord(word, hay);
    if (s === 0) return 0;
    sum += s;
  }
  return sum / words.length;
}

function scoreWord(word: string, hay: string): number {
  const at = hay.indexOf(word);
  if (at === 0) return 100;
  if (at > 0) return /[\s/_.-]/.test(hay.charAt(at - 1)) ? 80 : 50;
  // Letters in order, each at the start of a word or right after the one before: "cm" finds close_month.
  let from = 0;
  let gaps = 0;
  for (const letter of word) {
    const next = hay.indexOf(letter, from);
    if (next < 0) return 0;
    if (next > from) gaps++;
    from = next + 1;
  }
  return gaps <= Math.max(2, word.length / 2) ? 20 - gaps : 0;
}

/** The items that answer the query, best first; equal ones stay in order. */
export function search<T>(query: string, items: T[], text: (item: T) => string): T[] {
  if (query.trim() === '') return items;
  return items
    .map((item) => ({ item, s: score(query, text(item)) }))
    .filter((x) => x.s > 0)
    .sort((a, b) => b.s - a.s)
    .map((x) => x.item);
}
