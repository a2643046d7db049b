/** JSON Schema 2020-12 in the part that forms show, with the conventions of published workspaces (order, resource-<type>). */
export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string | string[];
  title?: string;
  description?: string;
  placeholder?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  enumLabels?: Record<string, string>;
  format?: string;
  contentEncoding?: string;
  contentMediaType?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  uniqueItems?: boolean;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  required?: string[];
  order?: string[];
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  nullable?: boolean;
  password?: boolean;
}

/** Which control shows a value. Each kind is one small component in `controls`. */
export type Control =
  | 'text'
  | 'textarea'
  | 'code'
  | 'password'
  | 'number'
  | 'boolean'
  | 'select'
  | 'multiselect'
  | 'datetime'
  | 'date'
  | 'time'
  | 'file'
  | 'resource'
  | 'list'
  | 'object'
  | 'oneof'
  | 'constant'
  | 'json';

/** The values that a person has touched, by property name. A present key with `undefined` was cleared on purpose. */
export type Values = Record<string, unknown>;

export interface Field {
  name: string;
  schema: JsonSchema;
  required: boolean;
}

/** The properties of an object schema in the order that the signature has them. */
export function fieldsOf(schema: JsonSchema | undefined): Field[] {
  const properties = schema?.properties ?? {};
  const names = Object.keys(properties);
  const order = (schema?.order ?? []).filter((n) => n in properties);
  const rest = names.filter((n) => !order.includes(n));
  const required = new Set(schema?.required ?? []);
  return [...new Set([...order, ...rest])].map((name) => ({
    name,
    schema: properties[name] as JsonSchema,
    required: required.has(name),
  }));
}

/** Follows local references and folds the ways in which schemas say "or null" into `nullable`. */
export function plain(schema: JsonSchema, root: JsonSchema = schema): JsonSchema {
  let s = schema;
  for (let hops = 0; s.$ref && hops < 16; hops++) {
    const target = resolve(root, s.$ref);
    if (!target) break;
    const { $ref: _, ...beside } = s;
    s = { ...target, ...beside };
  }
  if (Array.isArray(s.type)) {
    const types = s.type.filter((t) => t !== 'null');
    const nullable = s.nullable || types.length < s.type.length;
    if (types.length === 1) s = { ...s, type: types[0], nullable };
    else if (types.length === 0) s = { ...s, type: 'null' };
    else {
      const { type: _, ...beside } = s;
      s = { ...beside, nullable, anyOf: types.map((type) => ({ type })) };
    }
  }
  for (const key of ['anyOf', 'oneOf'] as const) {
    const choices = s[key];
    if (!choices) continue;
    const rest = choices.filter((c) => c.type !== 'null');
    if (rest.length === choices.length) continue;
    const { [key]: _, ...beside } = s;
    s = rest.length === 1 ? { ...rest[0], ...beside, nullable: true } : { ...beside, [key]: rest, nullable: true };
  }
  return s;
}

function resolve(root: JsonSchema, ref: string): JsonSchema | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const part of ref.slice(2).split('/')) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return at as JsonSchema | undefined;
}

/** Chooses the control of a schema that went through `plain`. Whatever no control fits is edited as JSON. */
export function controlOf(s: JsonSchema): Control {
  if (s.const !== undefined) return 'constant';
  if (s.enum?.length) return 'select';
  const choices = s.oneOf ?? s.anyOf;
  if (choices?.length) return 'oneof';
  switch (s.type) {
    case 'string':
      return textControl(s);
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      if (s.items?.enum?.length) return 'multiselect';
      return s.items && !s.prefixItems && Object.keys(s.items).length > 0 ? 'list' : 'json';
    case 'object':
      if (s.format?.startsWith('resource-')) return 'resource';
      return s.properties && Object.keys(s.properties).length > 0 ? 'object' : 'json';
    default:
      if (s.format?.startsWith('resource-')) return 'resource';
      return s.properties ? 'object' : 'json';
  }
}

function textControl(s: JsonSchema): Control {
  if (s.contentEncoding === 'base64') return 'file';
  if (s.password) return 'password';
  switch (s.format) {
    case 'password':
      return 'password';
    case 'date-time':
      return 'datetime';
    case 'date':
      return 'date';
    case 'time':
      return 'time';
    case 'textarea':
      return 'textarea';
    case 'sql':
    case 'json':
    case 'yaml':
    case 'markdown':
      return 'code';
    default:
      return s.format?.startsWith('resource-') ? 'resource' : 'text';
  }
}

/** Kinds whose parts have labels of their own: the field is a group, not a label of one control. */
export function isGroup(s: JsonSchema): boolean {
  return ['object', 'list', 'oneof', 'json', 'code', 'boolean'].includes(controlOf(s));
}

/** The resource type that a format names, or "". */
export function resourceType(s: JsonSchema): string {
  return s.format?.startsWith('resource-') ? s.format.slice('resource-'.length) : '';
}

/** A short word for what a field takes, shown beside its name. */
export function typeWord(s: JsonSchema): string {
  const resource = resourceType(s);
  const base = (() => {
    if (resource) return resource;
    if (s.const !== undefined) return 'constant';
    if (s.enum?.length) return 'choice';
    if (s.oneOf ?? s.anyOf) return 'one of';
    if (s.contentEncoding === 'base64') return 'file';
    if (s.type === 'string') return s.format && s.format !== 'textarea' ? s.format : 'text';
    if (s.type === 'array') return s.items ? `list of ${typeWord(plain(s.items))}` : 'list';
    return typeof s.type === 'string' ? s.type : 'any';
  })();
  return s.nullable ? `${base} or null` : base;
}

/** Whether a stored value may still be shown by a control after the schema changed under it. */
export function fits(value: unknown, s: JsonSchema): boolean {
  if (value === undefined) return true;
  if (value === null) return true;
  switch (controlOf(s)) {
    case 'text':
    case 'textarea':
    case 'code':
    case 'password':
    case 'datetime':
    case 'date':
    case 'time':
    case 'file':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number' || typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'select':
      return (s.enum ?? []).some((e) => same(e, value));
    case 'multiselect':
    case 'list':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && !Array.isArray(value);
    case 'constant':
      return same(s.const, value);
    default:
      return true;
  }
}

/** Deep equality of JSON values. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const ka = Object.keys(a);
  const kb = Object.keys(b);
  return ka.length === kb.length && ka.every((k) => k in b && same((a as Values)[k], (b as Values)[k]));
}

/** What a fresh field starts with: its default, its constant, or nothing. */
export function initial(s: JsonSchema, required: boolean): unknown {
  if (s.default !== undefined) return s.default;
  if (s.const !== undefined) return s.const;
  if (required && s.type === 'boolean') return false;
  if (required && controlOf(s) === 'object') return objectOf(s, {});
  return undefined;
}

function objectOf(s: JsonSchema, values: Values): Values {
  const out: Values = {};
  for (const f of fieldsOf(s)) {
    const v = shown(plain(f.schema), f.required, values, f.name);
    if (v !== undefined) out[f.name] = v;
  }
  return out;
}

/** The value a field shows: what a person gave if it still fits, else what a fresh field starts with. */
export function shown(s: JsonSchema, required: boolean, values: Values, name: string): unknown {
  if (Object.hasOwn(values, name) && fits(values[name], s)) return values[name];
  return initial(s, required);
}

/**
 * The arguments that a form sends: touched values that fit, defaults for the rest. Values of properties that the schema no
 * longer has stay in `values` (they come back when the property does) and are not sent.
 */
export function argumentsOf(schema: JsonSchema | undefined, values: Values): Values {
  const out: Values = {};
  const known = schema?.properties ?? {};
  for (const f of fieldsOf(schema)) {
    const v = shown(plain(f.schema, schema), f.required, values, f.name);
    if (v !== undefined) out[f.name] = v;
  }
  if (!schema || schema.additionalProperties === true || typeof schema.additionalProperties === 'object') {
    for (const [name, v] of Object.entries(values)) {
      if (!(name in known) && v !== undefined) out[name] = v;
    }
  }
  return out;
}

/** The values without those of secret fields, at any depth: what may be kept outside the form. */
export function withoutSecrets(schema: JsonSchema | undefined, values: Values): Values {
  const out: Values = {};
  for (const [name, v] of Object.entries(values)) {
    const raw = schema?.properties?.[name];
    if (!raw) {
      out[name] = v;
      continue;
    }
    const clean = scrub(plain(raw, schema), v, schema);
    if (clean !== undefined) out[name] = clean;
  }
  return out;
}

function scrub(s: JsonSchema, value: unknown, root: JsonSchema | undefined): unknown {
  if (s.format === 'password' || s.password) return undefined;
  if (Array.isArray(value)) {
    const items = s.items;
    if (!items) return value;
    return value.map((v) => scrub(plain(items, root), v, root)).filter((v) => v !== undefined);
  }
  if (typeof value === 'object' && value !== null) {
    const choices = s.oneOf ?? s.anyOf;
    const shapes = choices ? choices.map((c) => plain(c, root)) : [s];
    const out: Values = {};
    for (const [k, v] of Object.entries(value)) {
      let clean: unknown = v;
      for (const shape of shapes) {
        const p = shape.properties?.[k];
        if (p && clean !== undefined) clean = scrub(plain(p, root), clean, root);
      }
      if (clean !== undefined) out[k] = clean;
    }
    return out;
  }
  return value;
}

/** The name that a choice of a oneOf goes by, and the property that tells it apart. */
export function choiceLabel(choice: JsonSchema, index: number): string {
  const d = discriminator(choice);
  return (
    choice.title ??
    (d ? String(d.value) : undefined) ??
    (choice.const !== undefined ? String(choice.const) : undefined) ??
    (choice.enum?.length === 1 ? String(choice.enum[0]) : undefined) ??
    (typeof choice.type === 'string' ? choice.type : `Option ${index + 1}`)
  );
}

/** The property whose single allowed value names a choice ("kind" and "label" first, as published forms use them). */
export function discriminator(choice: JsonSchema): { name: string; value: unknown } | undefined {
  const entries = Object.entries(choice.properties ?? {});
  const single = entries.flatMap(([name, s]) => {
    if (s.const !== undefined) return [{ name, value: s.const }];
    return s.enum?.length === 1 ? [{ name, value: s.enum[0] }] : [];
  });
  return single.find((d) => d.name === 'kind' || d.name === 'label') ?? single[0];
}

/** Which choice a value belongs to: by its discriminator, else by its type, else -1. */
export function choiceOf(choices: JsonSchema[], value: unknown): number {
  if (value === undefined) return -1;
  const byMark = choices.findIndex((c) => {
    const d = discriminator(c);
    return d && typeof value === 'object' && value !== null && same((value as Values)[d.name], d.value);
  });
  if (byMark >= 0) return byMark;
  return choices.findIndex((c) => {
    if (c.const !== undefined) return same(c.const, value);
    if (discriminator(c)) return false;
    switch (c.type) {
      case 'array':
        return Array.isArray(value);
      case 'object':
        return (
          typeof value === 'object' &&
          value !== null &&
          !Array.isArray(value) &&
          (c.required ?? []).every((r) => r in value)
        );
      case 'integer':
        return Number.isInteger(value);
      default:
        return typeof value === c.type;
    }
  });
}
