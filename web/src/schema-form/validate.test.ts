import { expect, test } from 'vitest';
import type { JsonSchema } from './schema';
import { check, jsonProblem, problemsOf, serverProblems } from './validate';

const schema: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 2 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    mail: { type: 'string', format: 'email' },
    kind: { enum: ['a', 'b'] },
    lines: {
      type: 'array',
      maxItems: 1,
      items: { type: 'object', properties: { 'sku/x': { type: 'string' } }, required: ['sku/x'] },
    },
    db: { type: 'object', format: 'resource-postgresql' },
  },
  required: ['name'],
};

test.each<[string, Record<string, unknown>, Record<string, string>]>([
  ['a missing one', {}, { name: 'This is required.' }],
  ['a wrong type', { name: 'ada', age: 'x' }, { age: 'This must be a whole number.' }],
  ['a limit', { name: 'ada', age: 200 }, { age: 'This must be at most 150.' }],
  ['a length', { name: 'a' }, { name: 'This needs at least 2 characters.' }],
  ['a format', { name: 'ada', mail: 'x' }, { mail: 'This must be an e-mail address, like ada@example.com.' }],
  ['a choice', { name: 'ada', kind: 'c' }, { kind: 'Choose one of the allowed values.' }],
  ['a place within a list', { name: 'ada', lines: [{}] }, { 'lines.0.sku/x': 'This is required.' }],
])('says what is wrong with %s, at its place', (_name, value, want) => {
  expect(problemsOf(schema, value)).toEqual(want);
});

test('a form checks what it would send, defaults included', () => {
  expect(check({ ...schema, properties: { name: { type: 'string', default: 'ada' } } }, {})).toEqual({});
  expect(check(schema, { name: 'ada', kind: 'c' })).toEqual({});
});

test('an integer that a browser cannot keep is not sent rounded', () => {
  expect(check({ properties: { n: { type: 'integer' } } }, { n: 12345678901234567890 }).n).toMatch(/too large/);
});

test('a schema that cannot be read blocks nobody: the server decides', () => {
  expect(problemsOf({ properties: { a: { pattern: '(' } } } as JsonSchema, { a: 'x' })).toEqual({});
});

test("the server's places become those of the form", () => {
  expect(
    serverProblems([
      { path: 'args.customer.tags[0]', message: 'A' },
      { path: 'body.args.x', message: 'B' },
      { path: 'path', message: 'C' },
    ]),
  ).toEqual({ 'customer.tags.0': 'A', x: 'B' });
});

test('broken JSON is told in plain words', () => {
  expect(jsonProblem(new SyntaxError('Unexpected token } in JSON at position 3 (line 2 column 5)'))).toContain(
    'line 2, column 5',
  );
  expect(jsonProblem(new SyntaxError('boo'))).toBe('This is not valid JSON yet.');
});
