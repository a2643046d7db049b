import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { check } from './layers.mjs';

let src;
beforeEach(() => {
  src = join(mkdtempSync(join(tmpdir(), 'layers-')), 'src');
  write('ui/mantine.css', '');
});
afterEach(() => rmSync(dirname(src), { recursive: true }));

function write(path, text) {
  mkdirSync(dirname(join(src, path)), { recursive: true });
  writeFileSync(join(src, path), text);
}

test.each([
  ['ui imports a feature', 'ui/a.ts', "import { x } from '~/features/home/x';", 'ui must not import features'],
  ['ui imports the API', 'ui/a.ts', "import type { X } from '../api/queries';", 'ui must not import api'],
  [
    'a feature imports another',
    'features/home/a.ts',
    "import { x } from '../runs/x';",
    'feature home imports feature runs',
  ],
  ['a feature imports a route', 'features/home/a.ts', "export * from '~/routes/x';", 'features must not import routes'],
  ['the API imports a part', 'api/a.ts', "const x = await import('~/ui/x');", 'api must not import ui'],
  ['a barrel', 'features/home/index.ts', 'export {};', 'a barrel file'],
  ['ui knows the product', 'ui/a.ts', "export const title = 'Workspace';", 'product word'],
])('%s: found', (_, path, text, problem) => {
  write(path, text);
  expect(check(src).join('\n')).toContain(problem);
});

test('what is allowed passes', () => {
  write(
    'features/home/a.ts',
    "import { x } from '~/ui/x';\nimport { y } from './y';\nimport { q } from '~/api/queries';",
  );
  write('routes/a.ts', "import { a } from '~/features/home/a';\nimport { b } from '~/features/runs/b';");
  write('ui/a.ts', '// A workspace in a comment is fine.\nexport const a = 1;');
  expect(check(src)).toEqual([]);
});

test('the UI as it is keeps the layers', () => {
  expect(check(resolve(import.meta.dirname, '../src'))).toEqual([]);
});
