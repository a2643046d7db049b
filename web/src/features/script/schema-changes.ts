import { fieldsOf, type JsonSchema, plain, same, typeWord } from '~/schema-form/schema';

export interface Change {
  kind: 'added' | 'removed' | 'changed';
  name: string;
  what: string;
  /** Calls that worked before can fail after it. */
  breaking: boolean;
}

/** What a new version changes for those who call it. */
export function schemaChanges(before: JsonSchema | undefined, after: JsonSchema | undefined): Change[] {
  const old = new Map(fieldsOf(before).map((f) => [f.name, f]));
  const now = fieldsOf(after);
  const out: Change[] = [];
  for (const f of now) {
    const s = plain(f.schema, after);
    const was = old.get(f.name);
    old.delete(f.name);
    if (!was) {
      out.push({
        kind: 'added',
        name: f.name,
        what: `${typeWord(s)}, ${f.required ? 'required' : 'optional'}`,
        breaking: f.required,
      });
      continue;
    }
    const w = plain(was.schema, before);
    const told: string[] = [];
    let breaking = false;
    if (typeWord(w) !== typeWord(s)) {
      told.push(`${typeWord(w)} → ${typeWord(s)}`);
      breaking = true;
    } else if (!same(w.enum, s.enum)) {
      told.push('other choices');
      breaking = (w.enum ?? []).some((e) => !(s.enum ?? []).some((x) => same(e, x)));
    } else if (!same(w.properties, s.properties) || !same(w.items, s.items) || !same(w.oneOf, s.oneOf)) {
      told.push('another shape');
      breaking = true;
    }
    if (was.required !== f.required) {
      told.push(f.required ? 'now required' : 'now optional');
      breaking ||= f.required;
    }
    if (!same(w.default, s.default)) told.push(`default ${text(w.default)} → ${text(s.default)}`);
    if (told.length > 0) out.push({ kind: 'changed', name: f.name, what: told.join(', '), breaking });
  }
  for (const name of old.keys()) out.push({ kind: 'removed', name, what: 'gone', breaking: true });
  return out;
}

function text(v: unknown): string {
  const s = v === undefined ? 'none' : JSON.stringify(v);
  return s.length > 40 ? `${s.slice(0, 40)}…` : s;
}
