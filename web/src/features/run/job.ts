import type { Job } from '~/api/queries';

export interface Segment {
  name: 'Waited' | 'Overhead' | 'Ran';
  ms: number;
}

/**
 * The stretches of a run's time, as far as they are known: the wait for a worker, what is ours (preparing, starting,
 * storing), and the user's own code. The last one of a live run grows.
 */
export function segmentsOf(job: Job, now: number): Segment[] {
  const at = (s: string | undefined): number | undefined => {
    const n = s ? Date.parse(s) : Number.NaN;
    return Number.isNaN(n) ? undefined : n;
  };
  // A run scheduled for later waits from when it may start, not from when it was asked for.
  const asked = at(job.created_at) ?? now;
  const due = Math.max(asked, at(job.scheduled_for) ?? asked);
  const started = at(job.started_at);
  const ended = at(job.completed_at);
  if (started === undefined) return [{ name: 'Waited', ms: Math.max(0, (ended ?? now) - due) }];
  const total = job.duration_ms ?? Math.max(0, (ended ?? now) - started);
  const waited: Segment = { name: 'Waited', ms: Math.max(0, job.self_wait_time_ms ?? started - due) };
  const own = job.user_ms;
  // A language without a wrapper does not tell when the user's own code began.
  if (!own) return [waited, { name: 'Ran', ms: total }];
  return [waited, { name: 'Overhead', ms: Math.max(0, total - own) }, { name: 'Ran', ms: own }];
}

/**
 * The line of the user's code at which it failed, from a stack trace of any language: the innermost "line 12" (traces that
 * end at the failure), else the first "file:12:5" (traces that begin there). 0 when there is none within the code.
 */
export function failingLine(stack: string, lines: number): number {
  const inside = (n: number) => n >= 1 && n <= lines;
  const worded = [...stack.matchAll(/\bline (\d+)\b/gi)].map((m) => Number(m[1])).filter(inside);
  const last = worded.at(-1);
  if (last !== undefined) return last;
  for (const m of stack.matchAll(/:(\d+)(?::\d+)?(?=[)\s]|$)/gm)) {
    const n = Number(m[1]);
    if (inside(n)) return n;
  }
  return 0;
}

/** The error in the result of a failed run. */
export function errorOf(result: unknown): { name: string; message: string; stack: string } | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const e = (result as Record<string, unknown>).error;
  if (typeof e !== 'object' || e === null) return undefined;
  const get = (k: string) => {
    const v = (e as Record<string, unknown>)[k];
    return typeof v === 'string' ? v : '';
  };
  return { name: get('name') || 'Error', message: get('message'), stack: get('stack') };
}
