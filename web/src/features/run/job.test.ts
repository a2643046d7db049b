import { expect, test } from 'vitest';
import type { Job } from '~/api/queries';
import { failingLine, segmentsOf } from './job';

test.each<[string, string, number]>([
  [
    'innermost frame of a Python trace',
    'Traceback (most recent call last):\n  File "a.py", line 9, in main\n  File "a.py", line 4, in f\nKeyError',
    4,
  ],
  ['first frame of a JavaScript trace', 'Error: x\n    at f (f/a/b.ts:3:9)\n    at main (f/a/b.ts:8:3)', 3],
  ['a Go panic', 'panic: x\n\nmain.main()\n\tinner.go:7 +0x1d', 7],
  ['a shell', 'main.sh: line 5: foo: command not found', 5],
  ['a line that is not in the code', 'at x (lib.js:900:1)', 0],
  ['no trace', 'exit code 2', 0],
])('finds the failing line: %s', (_name, stack, want) => {
  expect(failingLine(stack, 10)).toBe(want);
});

const job = (part: Partial<Job>): Job => ({ created_at: '2026-01-01T00:00:00Z', ...part }) as Job;

test('time is told as waiting, overhead and own code', () => {
  expect(
    segmentsOf(
      job({
        started_at: '2026-01-01T00:00:01Z',
        completed_at: '2026-01-01T00:00:03Z',
        duration_ms: 2000,
        self_wait_time_ms: 990,
        user_ms: 1500,
      }),
      0,
    ),
  ).toEqual([
    { name: 'Waited', ms: 990 },
    { name: 'Overhead', ms: 500 },
    { name: 'Ran', ms: 1500 },
  ]);
});

test('a run planned for later waits from then on', () => {
  const at = Date.parse('2026-01-01T01:00:05Z');
  expect(segmentsOf(job({ scheduled_for: '2026-01-01T01:00:00Z' }), at)).toEqual([{ name: 'Waited', ms: 5000 }]);
});
