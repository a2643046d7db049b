import { isFinal } from '~/api/jobs';
import type { Job } from '~/api/queries';

/** What a fresh look at the top of the list brought. */
export type Merged = {
  pages: Job[][];
  /** Jobs that are new and not in the pages, newest first. */
  arrived: Job[];
};

/**
 * Brings a fresh first page into the loaded pages without moving a row: known jobs are replaced in place, new ones are
 * handed back, to be put on top when nobody is reading.
 */
export function mergeFresh(pages: Job[][], fresh: Job[]): Merged {
  const byId = new Map(fresh.map((j) => [j.id, j]));
  const known = new Set<string>();
  const next = pages.map((page) =>
    page.map((old) => {
      known.add(old.id);
      const now = byId.get(old.id);
      // An answer that was overtaken by a newer one must not bring a finished job back to life.
      return now && !(isFinal(old) && !isFinal(now)) ? now : old;
    }),
  );
  const newest = pages[0]?.[0]?.created_at ?? '';
  const arrived = fresh.filter((j) => !known.has(j.id) && j.created_at >= newest);
  return { pages: next, arrived };
}

/** Puts new jobs on top of the pages. */
export function prepend(pages: Job[][], arrived: Job[]): Job[][] {
  const known = new Set(pages.flat().map((j) => j.id));
  const fresh = arrived.filter((j) => !known.has(j.id));
  if (fresh.length === 0) return pages;
  const [first = [], ...rest] = pages;
  return [[...fresh, ...first], ...rest];
}
