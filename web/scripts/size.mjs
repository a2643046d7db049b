// Checks the budgets of the build, in KB after gzip: what every page loads, and what each lazy chunk adds to it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const budgets = {
  shellScripts: 230,
  shellStyles: 40,
  // The code editor is the one large part that is loaded late.
  editor: 230,
  chunk: 150,
};

const dist = resolve(dirname(fileURLToPath(import.meta.url)), '../dist');
const assets = join(dist, 'assets');
const names = readdirSync(assets);
const scripts = names.filter((n) => n.endsWith('.js'));
const sizes = new Map(names.map((n) => [n, gzipSync(readFileSync(join(assets, n)), { level: 9 }).length / 1024]));
const texts = new Map(scripts.map((n) => [n, readFileSync(join(assets, n), 'utf8')]));

const index = readFileSync(join(dist, 'index.html'), 'utf8');
const named = [...index.matchAll(/\/assets\/([^"]+)/g)].map((m) => m[1]);
const shell = closure(named.filter((n) => n.endsWith('.js')));

let over = 0;
report('shell, scripts', sum(shell), budgets.shellScripts);
report('shell, styles', sum(named.filter((n) => n.endsWith('.css'))), budgets.shellStyles);
for (const name of scripts.filter((n) => !shell.has(n))) {
  const added = [...closure([name])].filter((n) => !shell.has(n));
  const editor = added.some((n) => texts.get(n).includes('cm-content'));
  const size = sum(added);
  if (size > 8)
    report(
      `${name.replace(/-[^-]+\.js$/, '')}${editor ? ' (editor)' : ''}`,
      size,
      editor ? budgets.editor : budgets.chunk,
    );
}
if (over > 0) {
  console.error(`${over} over budget`);
  process.exit(1);
}

function closure(roots) {
  const seen = new Set();
  const open = [...roots];
  while (open.length > 0) {
    const name = open.pop();
    if (seen.has(name)) continue;
    seen.add(name);
    // Static imports only; a dynamic one has a parenthesis.
    for (const m of (texts.get(name) ?? '').matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) open.push(m[1]);
  }
  return seen;
}

function sum(list) {
  return [...list].reduce((n, name) => n + (sizes.get(name) ?? 0), 0);
}

function report(what, size, budget) {
  const bad = size > budget;
  if (bad) over++;
  console.log(`${bad ? 'OVER' : 'ok  '} ${size.toFixed(1).padStart(7)} of ${String(budget).padStart(3)} KB  ${what}`);
}
