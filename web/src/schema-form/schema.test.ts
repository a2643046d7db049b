import { expect, test } from 'vitest';
import {
  argumentsOf,
  choiceLabel,
  choiceOf,
  controlOf,
  fieldsOf,
  type JsonSchema,
  plain,
  shown,
  typeWord,
  withoutSecrets,
} from './schema';

const control = (s: JsonSchema) => controlOf(plain(s));

test.each<[string, JsonSchema, string]>([
  ['text', { type: 'string' }, 'text'],
  ['e-mail', { type: 'string', format: 'email' }, 'text'],
  ['address', { type: 'string', format: 'uri' }, 'text'],
  ['uuid', { type: 'string', format: 'uuid' }, 'text'],
  ['date and time', { type: 'string', format: 'date-time' }, 'datetime'],
  ['date', { type: 'string', format: 'date' }, 'date'],
  ['time', { type: 'string', format: 'time' }, 'time'],
  ['password', { type: 'string', format: 'password' }, 'password'],
  ['password by key', { type: 'string', password: true }, 'password'],
  ['long text', { type: 'string', format: 'textarea' }, 'textarea'],
  ['sql', { type: 'string', format: 'sql' }, 'code'],
  ['yaml', { type: 'string', format: 'yaml' }, 'code'],
  ['bytes', { type: 'string', contentEncoding: 'base64' }, 'file'],
  ['integer', { type: 'integer' }, 'number'],
  ['number', { type: 'number', minimum: 0 }, 'number'],
  ['boolean', { type: 'boolean' }, 'boolean'],
  ['choice', { type: 'string', enum: ['a', 'b'] }, 'select'],
  ['list', { type: 'array', items: { type: 'string' } }, 'list'],
  ['list of choices', { type: 'array', items: { type: 'string', enum: ['a'] } }, 'multiselect'],
  ['list of anything', { type: 'array' }, 'json'],
  ['tuple', { type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'string' } }, 'json'],
  ['object', { type: 'object', properties: { a: { type: 'string' } } }, 'object'],
  ['free object', { type: 'object' }, 'json'],
  ['resource', { type: 'object', format: 'resource-postgresql' }, 'resource'],
  ['one of', { oneOf: [{ type: 'string' }, { type: 'number' }] }, 'oneof'],
  ['several types', { type: ['string', 'number'] }, 'oneof'],
  ['constant', { const: 1 }, 'constant'],
  ['anything', {}, 'json'],
  ['nullable', { type: ['string', 'null'] }, 'text'],
  ['nullable by anyOf', { anyOf: [{ type: 'integer' }, { type: 'null' }] }, 'number'],
])('%s is edited with its control', (_name, schema, want) => {
  expect(control(schema)).toBe(want);
});

test('fields come in the order of the signature, then the rest, each once', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: { b: {}, a: {}, c: {} },
    required: ['c'],
    order: ['c', 'gone', 'a', 'c'],
  };
  expect(fieldsOf(schema).map((f) => [f.name, f.required])).toEqual([
    ['c', true],
    ['a', false],
    ['b', false],
  ]);
});

test('defaults are sent until a person says otherwise, and clearing is saying so', () => {
  const schema: JsonSchema = {
    properties: { a: { type: 'string', default: 'x' }, b: { type: 'integer', default: 3 }, c: { type: 'string' } },
  };
  expect(argumentsOf(schema, {})).toEqual({ a: 'x', b: 3 });
  expect(argumentsOf(schema, { a: '', b: undefined, c: 'y' })).toEqual({ a: '', c: 'y' });
});

test('a value survives the schema changing under it and comes back with its field', () => {
  const one: JsonSchema = { properties: { n: { type: 'string' } } };
  const values = { n: 'text' };
  const changed: JsonSchema = { properties: { n: { type: 'boolean', default: true } } };
  expect(argumentsOf(changed, values)).toEqual({ n: true });
  const renamed: JsonSchema = { properties: { m: { type: 'string' } } };
  expect(argumentsOf(renamed, values)).toEqual({});
  expect(argumentsOf(one, values)).toEqual({ n: 'text' });
});

test('unknown arguments pass only where the schema lets them', () => {
  expect(argumentsOf({ properties: {} }, { x: 1 })).toEqual({});
  expect(argumentsOf({ properties: {}, additionalProperties: true }, { x: 1 })).toEqual({ x: 1 });
  expect(argumentsOf(undefined, { x: 1 })).toEqual({ x: 1 });
});

test('a required boolean is false and a required object has its own defaults from the start', () => {
  const schema: JsonSchema = {
    properties: { b: { type: 'boolean' }, o: { type: 'object', properties: { k: { type: 'integer', default: 1 } } } },
    required: ['b', 'o'],
  };
  expect(argumentsOf(schema, {})).toEqual({ b: false, o: { k: 1 } });
});

test('secrets are never part of what is kept, at any depth', () => {
  const schema: JsonSchema = {
    properties: {
      user: { type: 'string' },
      password: { type: 'string', format: 'password' },
      nested: {
        type: 'object',
        properties: { key: { type: ['string', 'null'], format: 'password' }, host: { type: 'string' } },
      },
      list: { type: 'array', items: { type: 'object', properties: { pw: { $ref: '#/$defs/secret' } } } },
      kind: {
        oneOf: [
          { type: 'object', properties: { t: { const: 'a' }, pin: { type: 'string', password: true } } },
          { type: 'string' },
        ],
      },
    },
    $defs: { secret: { type: 'string', format: 'password' } },
  };
  const values = {
    user: 'ada',
    password: 'p1',
    nested: { key: 'p2', host: 'h' },
    list: [{ pw: 'p3', x: 1 }],
    kind: { t: 'a', pin: 'p4' },
  };
  expect(withoutSecrets(schema, values)).toEqual({
    user: 'ada',
    nested: { host: 'h' },
    list: [{ x: 1 }],
    kind: { t: 'a' },
  });
});

test('choices are known by their discriminator, else by their type', () => {
  const choices: JsonSchema[] = [
    { type: 'object', properties: { kind: { const: 'card' }, n: { type: 'string' } } },
    { type: 'object', properties: { kind: { enum: ['bank'] } } },
    { type: 'string', title: 'By name' },
    { type: 'integer' },
  ];
  expect(choices.map(choiceLabel)).toEqual(['card', 'bank', 'By name', 'integer']);
  expect(choiceOf(choices, { kind: 'bank' })).toBe(1);
  expect(choiceOf(choices, 'x')).toBe(2);
  expect(choiceOf(choices, 4)).toBe(3);
  expect(choiceOf(choices, { kind: 'other' })).toBe(-1);
});

test('references are followed, and one that leads to itself ends', () => {
  const root: JsonSchema = {
    $defs: { a: { $ref: '#/$defs/b' }, b: { type: 'integer' }, loop: { $ref: '#/$defs/loop' } },
  };
  expect(plain({ $ref: '#/$defs/a' }, root).type).toBe('integer');
  expect(() => plain({ $ref: '#/$defs/loop' }, root)).not.toThrow();
});

test('types are told in short words', () => {
  expect(typeWord(plain({ type: ['string', 'null'], format: 'email' }))).toBe('email or null');
  expect(typeWord({ type: 'array', items: { type: 'integer' } })).toBe('list of integer');
  expect(typeWord({ type: 'object', format: 'resource-s3' })).toBe('s3');
});

test('a stored choice that is no longer offered gives way to the default', () => {
  expect(shown({ enum: ['a', 'b'], default: 'a' }, false, { k: 'z' }, 'k')).toBe('a');
});
