import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Problem } from '~/api/problem';
import type { Draft } from '~/api/scripts';
import { DraftSaver } from './draft-saver';
import { newScript } from './new-script';
import { pathProblem } from './path';
import { schemaChanges } from './schema-changes';
import { pythonOf, shellQuote, snippets } from './snippets';

test('paths are judged while they are typed', () => {
  for (const good of ['f/team/name', 'u/ada/x', 'f/a/b/c-d.e_f']) expect(pathProblem(good)).toBeUndefined();
  for (const bad of [
    '',
    'x',
    'f/a',
    'g/a/b',
    'f//b',
    'f/a/..',
    'f/a/-b',
    'f/a/b c',
    `f/a/${'x'.repeat(300)}`,
    'f/a/b.',
  ]) {
    expect(pathProblem(bad), bad).toBeTypeOf('string');
  }
});

test('a new version says what it changes for its callers', () => {
  const before = { properties: { a: { type: 'string' }, b: { type: 'string', default: 'x' }, c: {} }, required: ['a'] };
  const after = {
    properties: { a: { type: 'integer' }, b: { type: 'string', default: 'y' }, d: { type: 'string' } },
    required: ['a', 'd'],
  };
  expect(schemaChanges(before, after)).toEqual([
    { kind: 'changed', name: 'a', what: 'text → integer', breaking: true },
    { kind: 'changed', name: 'b', what: 'default "x" → "y"', breaking: false },
    { kind: 'added', name: 'd', what: 'text, required', breaking: true },
    { kind: 'removed', name: 'c', what: 'gone', breaking: true },
  ]);
  expect(schemaChanges(before, before)).toEqual([]);
});

test('calls can be pasted whatever the arguments are', () => {
  expect(shellQuote("it's $(rm) `x`")).toBe(`'it'\\''s $(rm) \`x\`'`);
  expect(pythonOf({ a: [null, true, false, 1, 'x"y'] })).toBe('{\n    "a": [None, True, False, 1, "x\\"y"],\n}');
  const [curl] = snippets('https://t.example', 'main', 'f/a b/c', { q: "it's" });
  expect(curl?.text).toContain("'https://t.example/api/w/main/jobs/run_wait_result/p/f/a%20b/c'");
  expect(curl?.text).toContain(`'{"q":"it'\\''s"}'`);
});

test('a new script starts from a template under its writer', () => {
  const languages = [
    { id: 'one', templates: { script: 'first' } },
    { id: 'two', templates: { script: 'second' } },
  ] as never;
  expect(newScript(languages, 'ada', { sample: 'hello' })).toMatchObject({
    path: 'u/ada/hello',
    language: 'one',
    content: 'first',
  });
  expect(newScript(languages, 'ada', { language: 'two', path: 'f/x/y' })).toMatchObject({
    path: 'f/x/y',
    content: 'second',
  });
  expect(newScript(languages, 'ada', {}, ['u/ada/untitled', 'u/ada/untitled_2'])?.path).toBe('u/ada/untitled_3');
  // The sample is gone on with, and so is a path that was asked for.
  expect(newScript(languages, 'ada', { sample: 'hello' }, ['u/ada/hello'])?.path).toBe('u/ada/hello');
  expect(newScript([], 'ada', {})).toBeUndefined();
});

const draft = (content: string, path = 'u/ada/x'): Draft => ({ path, content, language: 'l', summary: '' });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function saver(stored?: { path: string; updated_at: string }) {
  const saved: [string, string, boolean][] = [];
  const removed: string[] = [];
  let fail: Error | undefined;
  const s = new DraftSaver('w', stored, {
    save: async (_w, v, init) => {
      if (fail) throw fail;
      saved.push([v.path, v.content, init?.keepalive ?? false]);
    },
    remove: async (_w, path) => {
      removed.push(path);
    },
  });
  return {
    s,
    saved,
    removed,
    failWith: (e: Error | undefined) => {
      fail = e;
    },
  };
}

test('a draft is saved a moment after the last key, once', async () => {
  const { s, saved } = saver();
  s.update(draft('a'), false);
  await vi.advanceTimersByTimeAsync(2000);
  expect(saved).toEqual([]);
  s.update(draft('ab'), true);
  await vi.advanceTimersByTimeAsync(500);
  s.update(draft('abc'), true);
  await vi.advanceTimersByTimeAsync(799);
  expect(saved).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(saved).toEqual([['u/ada/x', 'abc', false]]);
  expect(s.state().status).toBe('saved');
});

test('a draft moves with its path and is never saved under one that is not valid', async () => {
  const { s, saved, removed } = saver();
  s.update(draft('a'), true);
  await vi.advanceTimersByTimeAsync(800);
  s.update(draft('a', 'u/ada/'), true);
  await vi.advanceTimersByTimeAsync(800);
  s.update(draft('a', 'u/ada/new'), true);
  await vi.advanceTimersByTimeAsync(800);
  expect(saved.map(([path]) => path)).toEqual(['u/ada/x', 'u/ada/new']);
  expect(removed).toEqual(['u/ada/x']);
});

test('what was typed last is saved when the page goes', () => {
  const { s, saved } = saver();
  s.update(draft('a'), true);
  s.leave();
  s.leave();
  expect(saved).toEqual([['u/ada/x', 'a', true]]);
});

test('a failure is told, and the next key tries again', async () => {
  const { s, saved, failWith } = saver();
  failWith(new Problem(507, 'the disk is full'));
  s.update(draft('a'), true);
  await vi.advanceTimersByTimeAsync(800);
  expect(s.state()).toMatchObject({ status: 'failed', problem: { status: 507 } });
  failWith(undefined);
  s.update(draft('ab'), true);
  await vi.advanceTimersByTimeAsync(800);
  expect(saved).toHaveLength(1);
});

test('a deployed or dropped draft does not come back', async () => {
  const { s, saved, removed } = saver({ path: 'u/ada/x', updated_at: '2026-01-01T00:00:00Z' });
  s.update(draft('a'), true);
  s.update(draft('ab'), true);
  s.stop();
  await vi.advanceTimersByTimeAsync(2000);
  s.leave();
  expect(saved).toEqual([]);
  const other = saver({ path: 'u/ada/x', updated_at: '2026-01-01T00:00:00Z' });
  other.s.update(draft('a'), true);
  await other.s.drop();
  expect(other.removed).toEqual(['u/ada/x']);
  expect(removed).toEqual([]);
});
