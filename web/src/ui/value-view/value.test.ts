import { expect, test } from 'vitest';
import { csvOf, sortedRows } from './data-table';
import { formatJson, parseJson, pathText } from './json';
import { frameDocument } from './sanitise';
import { safeName, type Shape, shapeOf } from './shape';
import { find, firstOpen, reveal, rowsOf, STEP } from './tree';

test.each<[string, unknown, string]>([
  ['objects in a list', [{ a: 1 }, { b: 2 }], 'table'],
  ['a list with a row that is none', [{ a: 1 }, 2], 'json'],
  ['an empty list', [], 'json'],
  [
    'rows',
    {
      'table-row': [
        ['a', 'b'],
        [1, 2],
      ],
    },
    'table',
  ],
  ['columns', { 'table-col': { a: [1, 2], b: [3] } }, 'table'],
  ['row objects', { 'table-row-object': [{ a: 1 }] }, 'table'],
  ['a picture', { png: 'iVBORw0KGgo=' }, 'image'],
  ['a picture that is none', { png: 'not base64!' }, 'json'],
  ['an svg', { svg: '<svg></svg>' }, 'image'],
  ['markdown', { md: '# x' }, 'markdown'],
  ['html', { html: '<b>x</b>' }, 'html'],
  ['a file', { file: { content: 'aGk=', filename: 'a.txt' } }, 'file'],
  ['an error', { error: { name: 'E', message: 'm', stack: 's' } }, 'error'],
  ['something called error', { error: 3 }, 'json'],
  ['text', 'hello', 'text'],
  ['an object of two keys', { html: '<b>', other: 1 }, 'json'],
  ['null', null, 'json'],
])('%s is shown in its way', (_name, value, kind) => {
  expect(shapeOf(value).kind).toBe(kind);
});

test('tables of all forms give the same cells', () => {
  const cells = (v: unknown) => {
    const t = shapeOf(v) as Extract<Shape, { kind: 'table' }>;
    return [t.columns, Array.from({ length: t.rows.length }, (_, r) => t.columns.map((_, c) => t.cell(r, c)))];
  };
  const want = [
    ['a', 'b'],
    [
      [1, 'x'],
      [2, undefined],
    ],
  ];
  expect(cells([{ a: 1, b: 'x' }, { a: 2 }])).toEqual(want);
  expect(cells([['a', 'b'], { b: 'x', a: 1 }, { a: 2 }])).toEqual(want);
  expect(cells({ 'table-row': [['a', 'b'], [1, 'x'], [2]] })).toEqual(want);
  expect(cells({ 'table-col': { a: [1, 2], b: ['x'] } })).toEqual(want);
});

test('a table sorts by value and keeps what is missing last', () => {
  const t = shapeOf([{ n: 10 }, { n: 9 }, { x: 1 }, { n: 100 }]) as Extract<Shape, { kind: 'table' }>;
  expect(sortedRows(t, { column: 0, down: false })).toEqual([1, 0, 3, 2]);
  expect(sortedRows(t, { column: 0, down: true })).toEqual([3, 0, 1, 2]);
});

test('a table leaves as CSV that no spreadsheet runs', () => {
  const t = shapeOf([
    { a: '=1+1', b: 'x,"y"' },
    { a: -3, b: null },
  ]) as Extract<Shape, { kind: 'table' }>;
  expect(csvOf(t, [0, 1])).toBe('a,b\r\n\'=1+1,"x,""y"""\r\n-3,\r\n');
});

test('integers of any size come back as they were', () => {
  const text = '{"id":12345678901234567890,"n":1,"s":"12345678901234567890"}';
  const v = parseJson(text) as { id: unknown };
  // Runtimes that tell a reviver the source keep it exactly; others give the nearest number.
  if (typeof v.id === 'bigint') expect(formatJson(v, 0)).toBe(text);
  else expect(v.id).toBe(12345678901234567890);
});

test('paths are written as code writes them', () => {
  expect(pathText(['orders', 0, 'first name', 'x'])).toBe('orders[0]["first name"].x');
});

test('a tree walks only what is open and shows long branches in steps', () => {
  const value = { list: Array.from({ length: 100_000 }, (_, i) => i), small: { a: 1 } };
  const open = firstOpen(value);
  expect(rowsOf(value, open, new Map()).map((r) => r.name)).toEqual([undefined, 'list', 'small', 'a']);
  const wide = rowsOf(value, new Set(['[]', '["list"]']), new Map());
  expect(wide).toHaveLength(3 + STEP + 1);
  expect(wide[2 + STEP]?.more).toBe(100_000 - STEP);
});

test('what is found is opened, also far down a long branch', () => {
  const value = { list: Array.from({ length: 2000 }, (_, i) => ({ id: i })), other: 'needle' };
  expect(find(value, 'needle')).toEqual([['other']]);
  const [path] = find(value, '1777');
  const { open, limits } = reveal(value, path as (string | number)[], new Set(['[]']), new Map());
  expect(rowsOf(value, open, limits).some((r) => r.id === JSON.stringify(path))).toBe(true);
});

// What DOMPurify does to Markdown is tested in a real browser (e2e/browser/run.spec.ts): the DOM of unit tests is not one.

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)><script>alert(1)</script></svg>',
  '<body onload=alert(1)>',
  '<iframe src=javascript:alert(1)>',
  '<meta http-equiv=refresh content="0;url=//evil">',
  '<base href=//evil><a href=x>y</a>',
  '<link rel=stylesheet href=//evil>',
  '<a href=javascript:alert(1)>x</a>',
  '<form action=//evil><button formaction=//evil>x</button></form>',
  '<p style="color:red}body{display:none">x</p>',
  '<div style="background:url(//evil/a.png)">x</div>',
  '<style>@import url(//evil);p{background:url("http://evil/x")}</style>',
  '<img srcset="//evil 1x"><video poster=//evil>',
])('a page of a result cannot load, run or send anything: %s', (html) => {
  const doc = new DOMParser().parseFromString(frameDocument(html, 'n0nce'), 'text/html');
  expect(doc.querySelector('script, iframe, object, embed, base, meta, link')).toBeNull();
  for (const node of doc.querySelectorAll('*')) {
    for (const a of node.attributes) {
      expect(a.name).not.toMatch(/^on|^style$|^srcdoc$|^action$|^formaction$/);
      if (['src', 'srcset', 'poster'].includes(a.name)) expect(a.value).toMatch(/^data:image\//);
      if (a.name === 'href') expect(a.value).toMatch(/^(https?:|mailto:|#)/);
    }
  }
  for (const style of doc.querySelectorAll('style')) {
    expect(style.getAttribute('nonce')).toBe('n0nce');
    expect(style.textContent).not.toMatch(/evil/);
    expect(style.textContent).not.toMatch(/\}body\{display/);
  }
});

test('a page of a result keeps its looks', () => {
  const doc = new DOMParser().parseFromString(
    frameDocument('<p style="color: red">x</p><style>b{color:blue}</style>', 'n'),
    'text/html',
  );
  const css = [...doc.querySelectorAll('style')].map((s) => s.textContent).join('');
  expect(css).toContain('[data-style="0"]{color: red}');
  expect(css).toContain('b{color:blue}');
  expect(doc.querySelector('p')?.getAttribute('data-style')).toBe('0');
});

test('names of files lead nowhere else', () => {
  expect(safeName('../../etc/passwd')).toBe('passwd');
  expect(safeName('a\u202egnp.exe')).toBe('agnp.exe');
  expect(safeName('..')).toBe('result');
  expect(safeName('')).toBe('result');
});
