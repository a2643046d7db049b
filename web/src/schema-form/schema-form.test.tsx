import { MantineProvider } from '@mantine/core';
import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { afterEach, expect, test } from 'vitest';
import { argumentsOf, type JsonSchema, type Values } from './schema';
import { SchemaForm } from './schema-form';
import { check } from './validate';

afterEach(cleanup);

let sent: Values = {};

function Host({ schema, showAll }: { schema: JsonSchema; showAll?: boolean }) {
  const [values, setValues] = useState<Values>({});
  sent = argumentsOf(schema, values);
  return (
    <MantineProvider>
      <SchemaForm
        schema={schema}
        values={values}
        onChange={setValues}
        problems={check(schema, values)}
        showAll={showAll}
        jsonMode={false}
      />
    </MantineProvider>
  );
}

test('each parameter is a labelled field whose value is sent with its type', async () => {
  const user = userEvent.setup();
  render(
    <Host
      schema={{
        properties: {
          name: { type: 'string', default: 'world' },
          count: { type: 'integer', maximum: 5 },
          loud: { type: 'boolean', default: false },
          kind: { type: 'string', enum: ['draft', 'final'] },
          tags: { type: 'array', items: { type: 'string' } },
        },
        order: ['name', 'count', 'loud', 'kind', 'tags'],
      }}
    />,
  );
  expect(screen.getByLabelText('name')).toHaveProperty('value', 'world');
  await user.clear(screen.getByLabelText('name'));
  await user.type(screen.getByLabelText('name'), 'Ada');
  await user.type(screen.getByLabelText('count'), '12');
  await user.click(screen.getByRole('switch', { name: 'loud' }));
  await user.selectOptions(screen.getByLabelText('kind'), 'final');
  await user.click(screen.getByRole('button', { name: 'Add to tags' }));
  await user.type(screen.getByLabelText('tags 1'), 'x');
  expect(sent).toEqual({ name: 'Ada', count: 12, loud: true, kind: 'final', tags: ['x'] });
  expect(screen.getByRole('alert').textContent).toBe('This must be at most 5.');
  await user.click(screen.getByRole('button', { name: 'Remove tags 1' }));
  expect(sent.tags).toEqual([]);
});

test('"required" is said once the field was left, or when sending was tried', async () => {
  const schema: JsonSchema = { properties: { a: { type: 'string' }, b: { type: 'string' } }, required: ['a', 'b'] };
  const user = userEvent.setup();
  const { rerender } = render(<Host schema={schema} />);
  expect(screen.queryByRole('alert')).toBeNull();
  await user.click(screen.getByLabelText(/^a/));
  await user.tab();
  expect(screen.getAllByRole('alert')).toHaveLength(1);
  rerender(<Host schema={schema} showAll />);
  expect(screen.getAllByRole('alert')).toHaveLength(2);
});

test('what was typed stays while the code changes the schema, and returns with its field', async () => {
  const user = userEvent.setup();
  const { rerender } = render(<Host schema={{ properties: { name: { type: 'string' } } }} />);
  await user.type(screen.getByLabelText('name'), 'Ada');
  rerender(<Host schema={{ properties: { nam: { type: 'string' } } }} />);
  expect(screen.queryByLabelText('name')).toBeNull();
  rerender(<Host schema={{ properties: { name: { type: 'string' }, age: { type: 'integer' } } }} />);
  expect(screen.getByLabelText('name')).toHaveProperty('value', 'Ada');
});

test('a choice between shapes keeps its discriminator', async () => {
  const user = userEvent.setup();
  render(
    <Host
      schema={{
        properties: {
          pay: {
            oneOf: [
              { type: 'object', properties: { kind: { const: 'card' }, number: { type: 'string' } } },
              { type: 'object', properties: { kind: { const: 'bank' }, iban: { type: 'string' } } },
            ],
          },
        },
      }}
    />,
  );
  await user.click(screen.getByRole('radio', { name: 'bank' }));
  await user.type(screen.getByLabelText('iban'), 'DE1');
  expect(sent).toEqual({ pay: { kind: 'bank', iban: 'DE1' } });
});

test('null is a value of its own', async () => {
  const user = userEvent.setup();
  render(<Host schema={{ properties: { note: { type: ['string', 'null'] } } }} />);
  await user.click(screen.getByRole('button', { name: 'Null for note' }));
  expect(sent).toEqual({ note: null });
  await user.type(screen.getByLabelText('note'), 'x');
  expect(sent).toEqual({ note: 'x' });
});

test('a resource is named by its path', async () => {
  const user = userEvent.setup();
  render(<Host schema={{ properties: { db: { type: 'object', format: 'resource-postgresql' } } }} />);
  await user.type(screen.getByLabelText('db'), 'f/data/main');
  expect(sent).toEqual({ db: '$res:f/data/main' });
});
