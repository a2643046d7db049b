import { expect, test } from 'vitest';
import type { Job, Script } from '~/api/queries';
import { firstSteps } from './first-run';

const ada = { username: 'ada', email: 'ada@example.com' };
const job = (j: Partial<Job>) => ({ created_by: 'ada', job_kind: 'preview', status: 'success', ...j }) as Job;
const done = (scripts: Partial<Script>[], jobs: Job[]) =>
  firstSteps(ada, scripts as Script[], jobs)
    .filter((s) => s.done)
    .map((s) => s.id);

test('the steps tick by what is there', () => {
  expect(done([], [])).toEqual(['in']);
  expect(done([], [job({})])).toEqual(['in', 'run']);
  expect(done([], [job({}), job({})])).toEqual(['in', 'run', 'change']);
  expect(done([{ created_by: 'ada@example.com' }], [job({}), job({}), job({ job_kind: 'script' })])).toEqual([
    'in',
    'run',
    'change',
    'deploy',
    'deployed',
  ]);
});

test('what others did does not count, nor a run of a deployed script that failed', () => {
  expect(
    done([{ created_by: 'grace@example.com' }], [job({ created_by: 'grace', email: 'grace@example.com' })]),
  ).toEqual(['in']);
  expect(done([], [job({ job_kind: 'script', status: 'failure' })])).not.toContain('deployed');
});
