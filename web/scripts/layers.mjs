// Checks which part of the UI may import which: ui ← editor, schema-form ← features ← routes; api knows no component;
// a feature imports no other feature; there are no barrels and no `any`.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// What each layer may import besides itself.
const allowed = {
  ui: [],
  api: [],
  editor: ['ui'],
  'schema-form': ['ui', 'editor'],
  graph: ['ui'],
  features: ['ui', 'api', 'editor', 'schema-form', 'graph'],
  routes: ['ui', 'api', 'features'],
  testing: ['ui', 'api', 'editor', 'schema-form', 'graph', 'features'],
  root: ['ui', 'api', 'features', 'routes', 'root'],
};
// ui/ is a design system: it must read the same in any product.
const productWords = /\b(tidemill|workspace|job|deploy|lockfile)s?\b/i;

export function check(src) {
  const problems = [];
  const styled = readFileSync(join(src, 'ui/mantine.css'), 'utf8');
  for (const file of walk(src)) {
    if (!/\.tsx?$/.test(file) || /\.gen\.ts$/.test(file)) continue;
    const from = place(src, file);
    const text = readFileSync(file, 'utf8');
    const name = relative(dirname(src), file);
    for (const part of mantineParts(text)) {
      const sheet = join(src, '../node_modules/@mantine/core/styles', `${part}.layer.css`);
      if (existsSync(sheet) && !styled.includes(`/${part}.layer.css`))
        problems.push(`${name}: uses ${part}, whose styles are not in ui/mantine.css`);
    }
    const isTest = /\.test\.tsx?$/.test(file);
    if (/\/index\.tsx?$/.test(file) && from.layer !== 'routes')
      problems.push(`${name}: a barrel file; import the module itself`);
    for (const spec of imports(text)) {
      if (/^\.\.?\/|^~\//.test(spec) === false) continue;
      const target = spec.startsWith('~/') ? join(src, spec.slice(2)) : resolve(dirname(file), spec);
      const to = place(src, target);
      if (isTest && to.layer === 'testing') continue;
      if (to.layer === from.layer) {
        if (from.layer === 'features' && to.part !== from.part)
          problems.push(`${name}: feature ${from.part} imports feature ${to.part}; move what they share down`);
        continue;
      }
      if (!(allowed[from.layer] ?? []).includes(to.layer))
        problems.push(`${name}: ${from.layer} must not import ${to.layer} (${spec})`);
    }
    if (from.layer === 'ui' && !isTest) {
      const word = stripComments(text).match(productWords);
      if (word) problems.push(`${name}: ui/ knows no product word, found "${word[0]}"`);
    }
  }
  return problems;
}

function mantineParts(text) {
  const lists = [...text.matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)].map((m) => m[1]);
  return lists.flatMap((l) => l.split(',').map((n) => n.trim())).filter((n) => /^[A-Z]/.test(n));
}

function place(src, path) {
  const parts = relative(src, path).split('/');
  if (parts.length === 1) return { layer: 'root', part: parts[0] };
  return { layer: parts[0], part: parts[1] };
}

function imports(text) {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((m) => m[1]);
}

function stripComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function* walk(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) yield* walk(path);
    else yield path;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = check(resolve(dirname(fileURLToPath(import.meta.url)), '../src'));
  for (const p of problems) console.error(p);
  if (problems.length > 0) process.exit(1);
}
