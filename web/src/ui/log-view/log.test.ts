import { expect, test } from 'vitest';
import { tokens, webAddress } from './ansi';
import { LogBuffer, MAX_LINE, searchLines, withoutEscapes } from './log-buffer';

const E = '\u001b';

test('colours become looks of plain text', () => {
  expect(tokens(`a${E}[31mred${E}[0m ${E}[1;4mb${E}[0m${E}[38;5;208mo`)).toEqual([
    { text: 'a' },
    { text: 'red', color: 'var(--ansi-red)' },
    { text: ' ' },
    { text: 'b', bold: true, underline: true },
    { text: 'o', color: 'rgb(255 135 0)' },
  ]);
});

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  `${E}[31m<b onmouseover=alert(1)>${E}[0m`,
  '"><svg onload=alert(1)>',
  '&lt;script&gt;',
])('markup in a log stays text: %s', (text) => {
  // Tokens are text for React, which escapes it: nothing is unescaped, dropped or turned into markup on the way.
  expect(
    tokens(text)
      .map((t) => t.text)
      .join(''),
  ).toBe(withoutEscapes(text));
});

test.each([
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  '//evil.example',
  'blob:https://x',
])('a link to %s is no link', (url) => {
  const found = tokens(`${E}]8;;${url}${E}\\click${E}]8;;${E}\\`);
  expect(found.every((t) => t.href === undefined)).toBe(true);
  expect(webAddress(url)).toBeUndefined();
});

test('a link to the web is one', () => {
  const found = tokens(`see ${E}]8;;https://example.com/a?b=c${E}\\here${E}]8;;${E}\\ now`);
  expect(found.find((t) => t.text === 'here')?.href).toBe('https://example.com/a?b=c');
});

test('control characters and direction overrides cannot hide what a line says', () => {
  const [t] = tokens('safe\u202egnp.exe\u0007\u0000');
  expect(t?.text).toBe('safe\ufffdgnp.exe\ufffd\ufffd');
});

test('a log is split as it arrives, however it is cut', () => {
  const b = new LogBuffer();
  for (const piece of ['a', 'b\nc\r', '\nd', '\n\ne']) b.append(piece);
  expect(b.lines.map((l) => l.text)).toEqual(['ab', 'c', 'd', '', 'e']);
  b.append('f\n');
  expect(b.lines.map((l) => l.text)).toEqual(['ab', 'c', 'd', '', 'ef']);
});

test('a colour goes on over lines until it is reset', () => {
  const b = new LogBuffer();
  b.append(`${E}[32mone\ntwo${E}[0m\nthree\n`);
  expect(b.lines.map((l) => tokens(l.text, l.sgr).map((t) => t.color))).toEqual([
    ['var(--ansi-green)'],
    ['var(--ansi-green)'],
    [undefined],
  ]);
});

test('a progress bar shows its last state', () => {
  const b = new LogBuffer();
  b.append('10 %\r50 %\r100 %\ndone\n');
  expect(b.lines.map((l) => l.text)).toEqual(['100 %', 'done']);
});

test('a line of megabytes is cut and says so', () => {
  const b = new LogBuffer();
  b.append(`${'x'.repeat(3_000_000)}\n`);
  expect(b.lines[0]?.text.length).toBeLessThan(MAX_LINE + 200);
  expect(b.lines[0]?.text).toContain('download the log');
});

test('search sees through colours and case', () => {
  const b = new LogBuffer();
  b.append(`nothing\nsome ${E}[31mFai${E}[0mled thing\nfailed\n`);
  expect(searchLines(b.lines, 'failed')).toEqual([1, 2]);
  expect(searchLines(b.lines, '')).toEqual([]);
});

test('100,000 lines are taken within a moment', () => {
  const b = new LogBuffer();
  const text = Array.from({ length: 100_000 }, (_, i) => `${i} ${E}[3${i % 8}mlorem ipsum${E}[0m`).join('\n');
  const before = performance.now();
  b.append(text);
  expect(b.lines).toHaveLength(100_000);
  expect(performance.now() - before).toBeLessThan(3000);
});

test('watchers are told once for a burst', async () => {
  const b = new LogBuffer();
  let told = 0;
  const heard = new Promise<void>((resolve) => {
    b.subscribe(() => {
      told++;
      resolve();
    });
  });
  for (let i = 0; i < 100; i++) b.append(`${i}\n`);
  await heard;
  expect(told).toBe(1);
});
