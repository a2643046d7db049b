import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema';
import { argumentsOf, fieldsOf, type JsonSchema, plain, type Values } from './schema';

export const REQUIRED = 'This is required.';

/** Messages by place: "customer.id" → what is wrong there. "" is the whole object. */
export type Problems = Record<string, string>;

/** Checks what a form would send. The server stays the authority; this answers while the person is still typing. */
export function check(schema: JsonSchema | undefined, values: Values): Problems {
  if (!schema) return {};
  const args = argumentsOf(schema, values);
  const problems = problemsOf(schema, args);
  for (const f of fieldsOf(schema)) {
    const s = plain(f.schema, schema);
    if (s.type === 'integer' && typeof args[f.name] === 'number' && !Number.isSafeInteger(args[f.name])) {
      problems[f.name] ??=
        'This integer is too large for a browser to keep exactly. Use the JSON mode and pass it as text.';
    }
  }
  return problems;
}

/** Validates any value and gives one plain sentence per place. A schema that cannot be read is left to the server. */
export function problemsOf(schema: JsonSchema, value: unknown): Problems {
  let units: OutputUnit[];
  try {
    units = new Validator(relaxed(schema) as Schema, '2020-12', false).validate(strip(value)).errors;
  } catch {
    return {};
  }
  const out: Problems = {};
  for (const unit of units) {
    const at = place(unit.instanceLocation);
    const found = sentence(unit, lookup(schema, unit.keywordLocation), value);
    if (!found) continue;
    const where = found.at === undefined ? at : at ? `${at}.${found.at}` : found.at;
    out[where] ??= found.message;
  }
  return out;
}

/** Formats of ours are no formats of JSON Schema; they would only confuse a strict validator. */
function relaxed(schema: JsonSchema): unknown {
  return JSON.parse(
    JSON.stringify(schema, (key, v: unknown) =>
      key === 'format' && typeof v === 'string' && !checked.has(v) ? undefined : v,
    ),
  );
}

const checked = new Set(['date-time', 'date', 'email', 'uri', 'uuid', 'ipv4', 'ipv6', 'hostname']);

function strip(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (_k, v: unknown) => (typeof v === 'bigint' ? Number(v) : v)));
}

/** "#/a/0/b" → "a.0.b" */
function place(pointer: string): string {
  return pointer
    .replace(/^#\/?/, '')
    .split('/')
    .map((p) => decodeURIComponent(p.replaceAll('~1', '/').replaceAll('~0', '~')))
    .join('.');
}

function lookup(schema: JsonSchema, pointer: string): unknown {
  let at: unknown = schema;
  for (const part of pointer.replace(/^#\/?/, '').split('/')) {
    if (part === '') continue;
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[decodeURIComponent(part.replaceAll('~1', '/').replaceAll('~0', '~'))];
  }
  return at;
}

function sentence(unit: OutputUnit, rule: unknown, _value: unknown): { at?: string; message: string } | undefined {
  switch (unit.keyword) {
    case 'properties':
    case 'items':
    case 'prefixItems':
    case 'allOf':
    case '$ref':
    case 'additionalProperties':
      return undefined; // the places below say it
    case 'false':
      return { message: 'This is not a known parameter.' };
    case 'required': {
      const name = /"([^"]+)"/.exec(unit.error)?.[1];
      return name === undefined ? undefined : { at: name, message: REQUIRED };
    }
    case 'type':
      return { message: `This must be ${word(rule)}.` };
    case 'enum':
    case 'const':
      return { message: 'Choose one of the allowed values.' };
    case 'minimum':
      return { message: `This must be at least ${String(rule)}.` };
    case 'maximum':
      return { message: `This must be at most ${String(rule)}.` };
    case 'exclusiveMinimum':
      return { message: `This must be greater than ${String(rule)}.` };
    case 'exclusiveMaximum':
      return { message: `This must be less than ${String(rule)}.` };
    case 'multipleOf':
      return { message: `This must be a multiple of ${String(rule)}.` };
    case 'minLength':
      return { message: `This needs at least ${String(rule)} characters.` };
    case 'maxLength':
      return { message: `This may have at most ${String(rule)} characters.` };
    case 'pattern':
      return { message: `This must match the pattern ${String(rule)}.` };
    case 'minItems':
      return { message: `Add at least ${String(rule)} items.` };
    case 'maxItems':
      return { message: `At most ${String(rule)} items are allowed.` };
    case 'uniqueItems':
      return { message: 'The items must differ from each other.' };
    case 'format':
      return { message: formats[String(rule)] ?? `This must be a valid ${String(rule)}.` };
    case 'oneOf':
    case 'anyOf':
      return { message: 'This fits none of the allowed shapes.' };
    default:
      return { message: 'This value is not allowed here.' };
  }
}

const formats: Record<string, string> = {
  'date-time': 'This must be a date with a time, like 2026-05-31T09:30:00Z.',
  date: 'This must be a date, like 2026-05-31.',
  email: 'This must be an e-mail address, like ada@example.com.',
  uri: 'This must be an address, like https://example.com/path.',
  uuid: 'This must be a UUID.',
};

function word(type: unknown): string {
  const words: Record<string, string> = {
    string: 'text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'an object',
    null: 'null',
  };
  const list = (Array.isArray(type) ? type : [type]).map((t) => words[String(t)] ?? String(t));
  return list.join(' or ');
}

/** The browser's words about broken JSON, without its jargon. */
export function jsonProblem(e: unknown): string {
  const m = e instanceof Error ? e.message : String(e);
  const at = /line (\d+) column (\d+)/.exec(m);
  return at ? `This is not valid JSON yet: look at line ${at[1]}, column ${at[2]}.` : 'This is not valid JSON yet.';
}

/** The server's fields as places of the form: "args.customer.id" → "customer.id". */
export function serverProblems(fields: readonly { path: string; message: string }[] | undefined): Problems {
  const out: Problems = {};
  for (const f of fields ?? []) {
    const at = /^(?:body\.)?args?\.(.+)$/.exec(f.path)?.[1]?.replace(/\[(\d+)\]/g, '.$1');
    if (at) out[at] = f.message;
  }
  return out;
}
