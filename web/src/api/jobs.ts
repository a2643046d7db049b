import type { Job } from './queries';

/** Where a job stands, in the words of the UI's status palette. */
export type JobState = 'queued' | 'running' | 'success' | 'failed' | 'cancelled';

const states: Record<string, JobState> = {
  queued: 'queued',
  running: 'running',
  success: 'success',
  failure: 'failed',
  canceled: 'cancelled',
  // Its attempts killed their workers: for whoever looks at it, it failed.
  poisoned: 'failed',
};

/** Where a job stands: one place, so that lists, pages and actions agree. */
export function jobState(job: Pick<Job, 'status'>): JobState {
  return states[job.status] ?? 'queued';
}

/** Whether nothing can follow. */
export function isFinal(job: Pick<Job, 'status'>): boolean {
  return job.status !== 'queued' && job.status !== 'running';
}

/** Why the job cannot be cancelled now; undefined: it can. Mirrors the server, which decides. */
export function whyNoCancel(job: Job): string | undefined {
  if (isFinal(job)) return 'It has ended already';
  if (job.canceled) return 'It is being cancelled';
  return undefined;
}

/** What a job is called in lists. */
export function jobTitle(job: Job): string {
  if (job.script_path) return job.script_path;
  return job.job_kind === 'preview' ? 'Unsaved code' : job.job_kind;
}

/** Why a job waits, failed or was cancelled, in a few words; "" when there is nothing to say. */
export function jobReason(job: Job): string {
  if (jobState(job) === 'cancelled' && job.canceled_by) {
    return `By ${job.canceled_by}${job.canceled_reason ? `: ${job.canceled_reason}` : ''}`;
  }
  return job.reason ?? job.error_name ?? '';
}

/** What kind of job it is, when it is not the run of a deployed script. */
export function jobKind(job: Job): string | undefined {
  if (job.job_kind === 'preview') return 'test';
  if (job.job_kind === 'dependencies') return 'dependencies';
  return undefined;
}
