import { jobState } from '~/api/jobs';
import type { Job, Script } from '~/api/queries';

/** A step of the way in, and whether it was done. */
export type Step = { id: string; title: string; done: boolean };

/** The way in, read off what is there: nothing is recorded for it, so it cannot be wrong. */
export function firstSteps(me: { username: string; email: string }, scripts: Script[], jobs: Job[]): Step[] {
  const mine = jobs.filter((j) => j.created_by === me.username || j.email === me.email);
  const previews = mine.filter((j) => j.job_kind === 'preview');
  const deployed = scripts.some((s) => s.created_by === me.username || s.created_by === me.email);
  return [
    { id: 'in', title: 'Sign in', done: true },
    { id: 'run', title: 'Run the sample', done: previews.length > 0 || mine.length > 0 },
    { id: 'change', title: 'Change it and run it again', done: previews.length > 1 },
    { id: 'deploy', title: 'Deploy it under a path', done: deployed },
    {
      id: 'deployed',
      title: 'Run what you deployed',
      done: mine.some((j) => j.job_kind === 'script' && jobState(j) === 'success'),
    },
  ];
}
