// Finding by a few letters: every word typed must be found; whole runs of letters count more than first letters of words.

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
  // First letters of words, and what follows them: "cm" and "clomo" find close_month.
  return initials(word, hay, 0, true) ? 20 : 0;
}

// Whether the rest of the word is found in order, each letter right after the one before or at the start of a word.
function initials(rest: string, hay: string, from: number, jump: boolean): boolean {
  const letter = rest.charAt(0);
  if (letter === '') return true;
  if (!jump && hay.charAt(from) === letter && initials(rest.slice(1), hay, from + 1, false)) return true;
  for (let at = hay.indexOf(letter, from); at >= 0; at = hay.indexOf(letter, at + 1)) {
    const starts = at === 0 || /[\s/_.-]/.test(hay.charAt(at - 1));
    if (starts && initials(rest.slice(1), hay, at + 1, false)) return true;
  }
  return false;
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
