import { expect, test } from 'vitest';
import { search } from './search';

const paths = ['f/billing/close_month', 'f/ops/rotate_keys', 'u/ada/close', 'f/crm/cm_sync'];
const find = (q: string) => search(q, paths, (p) => p);

test('all words must be found, in any order', () => {
  expect(find('month close')).toEqual(['f/billing/close_month']);
  expect(find('close nowhere')).toEqual([]);
});

test('whole runs of letters come first, first letters of words last', () => {
  expect(find('cm')[0]).toBe('f/crm/cm_sync');
  expect(find('cm')).toContain('f/billing/close_month');
  expect(find('clomo')).toEqual(['f/billing/close_month']);
  // Letters strewn about are no answer.
  expect(find('bln')).toEqual([]);
});

test('an empty query keeps everything in order', () => expect(find('  ')).toEqual(paths));
