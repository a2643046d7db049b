import { expect, test } from 'vitest';
import type { Job } from '~/api/queries';
import { mergeFresh, prepend } from './merge';

const job = (id: number, status: Job['status'] = 'success') =>
  ({ id: String(id), created_at: new Date(id * 1000).toISOString(), status }) as Job;
const ids = (pages: Job[][]) => pages.map((p) => p.map((j) => j.id));

test('known jobs change in place, new ones are handed back', () => {
  const pages = [[job(3, 'running'), job(2)], [job(1, 'queued')]];
  const { pages: next, arrived } = mergeFresh(pages, [job(5), job(4), job(3, 'failure'), job(2)]);
  expect(ids(next)).toEqual([['3', '2'], ['1']]);
  expect(next[0]?.[0]?.status).toBe('failure');
  expect(arrived.map((j) => j.id)).toEqual(['5', '4']);
});

test('an answer that was overtaken does not bring a finished job back to life', () => {
  const { pages } = mergeFresh([[job(1, 'success')]], [job(1, 'running')]);
  expect(pages[0]?.[0]?.status).toBe('success');
});

test('older jobs that only moved up a page are not news', () => {
  const { arrived } = mergeFresh([[job(9), job(8)]], [job(9), job(8), job(7)]);
  expect(arrived).toEqual([]);
});

test('the first job of an empty list is news', () => {
  expect(mergeFresh([[]], [job(1)]).arrived).toHaveLength(1);
});

test('what comes on top comes once', () => {
  const pages = prepend([[job(2)], [job(1)]], [job(3), job(2)]);
  expect(ids(pages)).toEqual([['3', '2'], ['1']]);
});
