import { ActionIcon, Tooltip } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconFileTypeCsv } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useMemo, useRef, useState } from 'react';
import { preview } from './json';
import { saveText } from './save';
import type { Shape } from './shape';
import classes from './value-view.module.css';

type Table = Extract<Shape, { kind: 'table' }>;

const ROW = 30;

/** A table of any length: rows in sight only; a click on a header sorts. */
export function DataTable({
  table,
  label,
  heading,
  fileName,
  tools,
}: {
  table: Table;
  label: string;
  heading?: string;
  fileName: string;
  tools?: ReactNode;
}) {
  const [sort, setSort] = useState<{ column: number; down: boolean }>();
  const scroller = useRef<HTMLDivElement>(null);
  const order = useMemo(() => sortedRows(table, sort), [table, sort]);
  const widths = useMemo(() => table.columns.map((_, c) => widthOf(table, c)), [table]);
  const numeric = useMemo(() => table.columns.map((_, c) => isNumeric(table, c)), [table]);
  const virtual = useVirtualizer({
    count: order.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const template = `${Math.max(3, String(order.length).length) + 2}ch ${widths.map((w) => `calc(${w}ch + 16px)`).join(' ')} 1fr`;
  const cycle = (column: number) =>
    setSort((s) => (s?.column !== column ? { column, down: false } : s.down ? undefined : { column, down: true }));

  return (
    <div className={classes.column}>
      <div className={classes.bar}>
        {heading && <h2 className={classes.heading}>{heading}</h2>}
        <span className={classes.count}>
          {order.length === 1 ? '1 row' : `${order.length.toLocaleString()} rows`} ·{' '}
          {table.columns.length === 1 ? '1 column' : `${table.columns.length} columns`}
        </span>
        <span className={classes.spring} />
        <Tooltip label="Download as CSV">
          <ActionIcon
            size={26}
            aria-label="Download as CSV"
            onClick={() => saveText(csvOf(table, order), `${fileName}.csv`, 'text/csv')}
          >
            <IconFileTypeCsv size={16} />
          </ActionIcon>
        </Tooltip>
        {tools}
      </div>
      <div className={classes.frame}>
        {/* a scrolling region must be reachable by keyboard. */}
        <div ref={scroller} className={classes.tableScroll} tabIndex={0} role="region" aria-label={`${label} table`}>
          {/* rows are placed by the virtual list, which <table> cannot. */}
          <div
            role="table"
            aria-label={label}
            aria-rowcount={order.length + 1}
            className={classes.table}
            style={{ ['--columns' as string]: template }}
          >
            <div role="rowgroup" className={classes.head}>
              <div role="row" aria-rowindex={1} className={classes.row}>
                <span role="columnheader" className={classes.rowNumber}>
                  <span className="visually-hidden">Row</span>
                </span>
                {table.columns.map((name, c) => (
                  <span
                    // names may repeat.
                    key={c}
                    role="columnheader"
                    aria-sort={sort?.column === c ? (sort.down ? 'descending' : 'ascending') : 'none'}
                  >
                    <button
                      type="button"
                      className={`${classes.sorter} ${numeric[c] ? classes.end : ''}`}
                      onClick={() => cycle(c)}
                    >
                      <span className={classes.cellText}>{name}</span>
                      {sort?.column === c &&
                        (sort.down ? <IconArrowDown size={13} aria-hidden /> : <IconArrowUp size={13} aria-hidden />)}
                    </button>
                  </span>
                ))}
              </div>
            </div>
            <div role="rowgroup" className={classes.body} style={{ height: virtual.getTotalSize() }}>
              {virtual.getVirtualItems().map((item) => {
                const r = order[item.index] as number;
                return (
                  <div
                    key={item.key}
                    role="row"
                    aria-rowindex={item.index + 2}
                    className={`${classes.row} ${classes.dataRow}`}
                    style={{ transform: `translateY(${item.start}px)` }}
                  >
                    <span role="rowheader" className={classes.rowNumber}>
                      {r + 1}
                    </span>
                    {table.columns.map((_, c) => {
                      const v = table.cell(r, c);
                      const text =
                        v === undefined ? '' : v !== null && typeof v === 'object' ? cellJson(v) : preview(v, 300);
                      return (
                        // columns never move.
                        <span key={c} role="cell" className={cellClass(v)} title={text.length > 24 ? text : undefined}>
                          {v === null ? 'null' : text}
                        </span>
                      );
                    })}
                  </div>
                );
              })}
            </div>
          </div>
        </div>
      </div>
    </div>
  );
}

function cellJson(v: object): string {
  const size = Array.isArray(v) ? v.length : Object.keys(v).length;
  if (size > 20) return preview(v);
  try {
    const s = JSON.stringify(v, (_k, x: unknown) => (typeof x === 'bigint' ? x.toString() : x));
    return s.length > 300 ? `${s.slice(0, 300)}…` : s;
  } catch {
    return preview(v);
  }
}

function cellClass(v: unknown): string {
  const base = classes.cell as string;
  if (typeof v === 'number' || typeof v === 'bigint') return `${base} ${classes.numeric}`;
  if (v === null || v === undefined || typeof v === 'boolean') return `${base} ${classes.faint}`;
  return base;
}

function isNumeric(table: Table, column: number): boolean {
  let numbers = 0;
  let others = 0;
  for (let r = 0; r < Math.min(50, table.rows.length); r++) {
    const v = table.cell(r, column);
    if (typeof v === 'number' || typeof v === 'bigint') numbers++;
    else if (v !== null && v !== undefined) others++;
  }
  return numbers > others;
}

function widthOf(table: Table, column: number): number {
  let width = (table.columns[column] as string).length + 3;
  const step = Math.max(1, Math.floor(table.rows.length / 50));
  for (let r = 0; r < table.rows.length; r += step) {
    const v = table.cell(r, column);
    if (v === undefined || v === null) continue;
    width = Math.max(width, typeof v === 'object' ? 16 : preview(v, 48).length + 2);
  }
  return Math.min(48, Math.max(6, width));
}

export function sortedRows(table: Table, sort: { column: number; down: boolean } | undefined): number[] {
  const order = Array.from({ length: table.rows.length }, (_, i) => i);
  if (!sort) return order;
  const sign = sort.down ? -1 : 1;
  const values = order.map((r) => table.cell(r, sort.column));
  // What is missing stays last whichever way it is sorted.
  return order.sort((a, b) => {
    const x = values[a];
    const y = values[b];
    const nx = x === null || x === undefined;
    const ny = y === null || y === undefined;
    if (nx || ny) return nx === ny ? a - b : nx ? 1 : -1;
    return sign * compare(x, y) || a - b;
  });
}

function compare(x: unknown, y: unknown): number {
  if ((typeof x === 'number' || typeof x === 'bigint') && (typeof y === 'number' || typeof y === 'bigint'))
    return x < y ? -1 : x > y ? 1 : 0;
  const a = typeof x === 'object' ? JSON.stringify(x) : String(x);
  const b = typeof y === 'object' ? JSON.stringify(y) : String(y);
  return a.localeCompare(b, undefined, { numeric: true });
}

/** RFC 4180. A cell that a spreadsheet would run as a formula is quoted with an apostrophe. */
export function csvOf(table: Table, order: readonly number[]): string {
  const cell = (v: unknown) => {
    let s = v === null || v === undefined ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v);
    if (typeof v === 'string' && /^[=+\-@\t\r]/.test(s)) s = `'${s}`;
    return /[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
  };
  const lines = [table.columns.map(cell).join(',')];
  for (const r of order) lines.push(table.columns.map((_, c) => cell(table.cell(r, c))).join(','));
  return `${lines.join('\r\n')}\r\n`;
}
