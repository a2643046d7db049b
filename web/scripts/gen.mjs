// Makes src/api/schema.gen.ts from docs/openapi.json. With --check it only compares, for tests.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const apigen = resolve(here, '../apigen');
const spec = resolve(here, '../../docs/openapi.json');
const target = resolve(here, '../src/api/schema.gen.ts');
const check = process.argv.includes('--check');

if (!existsSync(join(apigen, 'node_modules'))) run('npm', ['ci', '--no-audit', '--no-fund'], apigen);

const temp = mkdtempSync(join(tmpdir(), 'apigen-'));
try {
  const out = check ? join(temp, 'schema.gen.ts') : target;
  run(join(apigen, 'node_modules/.bin/openapi-typescript'), [spec, '--output', out, '--alphabetize'], apigen);
  if (check && readFileSync(out, 'utf8') !== readFileSync(target, 'utf8')) {
    console.error(
      'web/src/api/schema.gen.ts does not match docs/openapi.json: run `npm run gen` in web/ and commit the result',
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) {
    console.error(`${command} failed${error ? `: ${error.message}` : ''}`);
    process.exit(1);
  }
}
