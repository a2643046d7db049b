import { MantineProvider } from '@mantine/core';
import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import { Table } from './table';

type Row = { id: string; name: string };
const rows: Row[] = [
  { id: '1', name: 'one' },
  { id: '2', name: 'two' },
];
afterEach(cleanup);

function show(extra: Partial<Parameters<typeof Table<Row>>[0]> = {}) {
  render(
    <MantineProvider>
      <Table
        label="Things"
        rows={rows}
        rowKey={(r) => r.id}
        columns={[
          { id: 'name', title: 'Name', width: '1fr', sortable: true, cell: (r) => r.name },
          { id: 'wide', title: 'Wide', width: '1fr', from: 900, cell: (r) => r.id },
        ]}
        {...extra}
      />
    </MantineProvider>,
  );
}

test('tells how many rows there are, headings included', () => {
  show({ total: 50 });
  expect(screen.getByRole('grid', { name: 'Things' }).getAttribute('aria-rowcount')).toBe('51');
});

test('sorts by a heading, and the other way with the second click', async () => {
  const onSort = vi.fn();
  show({ onSort, sort: { by: 'name', down: false } });
  expect(screen.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('ascending');
  await userEvent.click(screen.getByRole('button', { name: 'Name' }));
  expect(onSort).toHaveBeenCalledWith({ by: 'name', down: true });
});
