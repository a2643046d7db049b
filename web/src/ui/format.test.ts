import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatRelative, plural } from './format';

test.each([
  [0, '0 ms'],
  [1.44, '1.4 ms'],
  [320, '320 ms'],
  [3200, '3.2 s'],
  [19_960, '20.0 s'],
  [59_960, '1 m'],
  [130_000, '2 m 10 s'],
  [3_900_000, '1 h 5 m'],
  [3_600_000 * 50, '2 d 2 h'],
  [Number.NaN, '–'],
  [-1, '–'],
])('a duration of %d ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

test('times are told relative to now, both ways, and as a date when far', () => {
  const now = new Date('2026-11-24T12:00:00Z');
  const at = (s: number) => formatRelative(new Date(now.getTime() - s * 1000), now);
  expect([at(1), at(42), at(-200), at(7200), at(86_400 * 3)]).toEqual([
    'now',
    '42 s ago',
    'in 3 m',
    '2 h ago',
    '3 d ago',
  ]);
  expect(at(86_400 * 20)).toBe('4 Nov');
  expect(at(86_400 * 400)).toBe('20 Oct 2025');
});

test('sizes and counts', () => {
  expect([0, 830, 1229, 48 * 2 ** 20, 300 * 2 ** 20].map(formatBytes)).toEqual([
    '0 B',
    '830 B',
    '1.2 KB',
    '48.0 MB',
    '300 MB',
  ]);
  expect([plural(1, 'run'), plural(12_400, 'run')]).toEqual(['1 run', '12,400 runs']);
});
