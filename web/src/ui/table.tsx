import { useElementSize } from '@mantine/hooks';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useEffect,
  useEffectEvent,
  useRef,
  useState,
} from 'react';
import styles from './table.module.css';

/** One column of a table. */
export type Column<Row> = {
  id: string;
  title: string;
  /** A track of CSS grid: `120px`, `minmax(160px, 2fr)`. */
  width: string;
  align?: 'end';
  /** Shows only when the table is at least this wide, pixels. */
  from?: number;
  /** Shows only when the table is narrower than this, pixels. */
  until?: number;
  sortable?: boolean;
  /** The title is only for screen readers. */
  silent?: boolean;
  cell: (row: Row) => ReactNode;
};

/** By what a table is sorted. */
export type Sort = { by: string; down: boolean };

/**
 * A table of any length: only the rows in sight are in the page. Arrow keys, Home, End and Page keys move, Enter opens.
 * The cell that names the row should hold a real link, so that it opens in a new tab too.
 */
export function Table<Row>({
  label,
  rows,
  rowKey,
  columns,
  rowHeight = 40,
  onOpen,
  sort,
  onSort,
  onEnd,
  isFresh,
  foot,
  total,
}: {
  label: string;
  rows: Row[];
  rowKey: (row: Row) => string;
  columns: Column<Row>[];
  rowHeight?: number;
  onOpen?: (row: Row) => void;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** The last loaded rows are in sight: load more. */
  onEnd?: () => void;
  /** Rows that just came, lit up once. */
  isFresh?: (row: Row) => boolean;
  foot?: ReactNode;
  /** How many rows there are on the server, when known. */
  total?: number;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const { ref: sizer, width } = useElementSize();
  const [current, setCurrent] = useState(0);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    getItemKey: (i) => {
      const row = rows[i];
      return row === undefined ? i : rowKey(row);
    },
    scrollPaddingStart: 33,
  });

  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? -1;
  const end = useEffectEvent(() => onEnd?.());
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 5) end();
  }, [last, rows.length]);

  const shown = columns.filter(
    (c) => width === 0 || (width >= (c.from ?? 0) && width < (c.until ?? Number.POSITIVE_INFINITY)),
  );
  const template = { gridTemplateColumns: shown.map((c) => c.width).join(' ') };
  const at = Math.min(current, Math.max(0, rows.length - 1));

  const move = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setCurrent(next);
    virtual.scrollToIndex(next);
    // The row may come into the page only with the scroll.
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus());
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (!(e.target instanceof HTMLElement) || e.target.dataset.index === undefined) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / rowHeight) - 2);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: rows.length - 1,
      PageDown: at + page,
      PageUp: at - page,
    };
    const to = steps[e.key];
    const row = rows[at];
    if (to !== undefined) {
      e.preventDefault();
      move(to);
    } else if (e.key === 'Enter' && onOpen && row !== undefined) {
      e.preventDefault();
      onOpen(row);
    }
  };
  const onClick = (e: MouseEvent, row: Row) => {
    if (!onOpen || e.defaultPrevented || !(e.target instanceof Element)) return;
    // Links, buttons and selected text keep what a click means to them.
    if (e.target.closest('a, button, input, [role="menu"], [role="menuitem"]') || window.getSelection()?.toString())
      return;
    onOpen(row);
  };

  return (
    <div ref={scroller} className={styles.table} data-scroller>
      <div
        ref={sizer}
        role="grid"
        aria-label={label}
        aria-rowcount={(total ?? rows.length) + 1}
        aria-colcount={shown.length}
        tabIndex={-1}
        onKeyDown={onKeyDown}
      >
        <div role="rowgroup" className={styles.head}>
          <div role="row" aria-rowindex={1} className={styles.row} style={template}>
            {shown.map((c) => (
              <div
                key={c.id}
                role="columnheader"
                className={`${styles.cell} ${styles.headCell}`}
                data-align={c.align}
                aria-sort={sort?.by === c.id ? (sort.down ? 'descending' : 'ascending') : undefined}
              >
                {c.sortable && onSort ? (
                  <button
                    type="button"
                    className={styles.sort}
                    onClick={() => onSort({ by: c.id, down: sort?.by === c.id ? !sort.down : false })}
                  >
                    {c.title}
                    {sort?.by === c.id &&
                      (sort.down ? <IconArrowDown size={12} aria-hidden /> : <IconArrowUp size={12} aria-hidden />)}
                  </button>
                ) : (
                  <span className={c.silent ? 'visually-hidden' : undefined}>{c.title}</span>
                )}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            return (
              <div
                key={item.key}
                role="row"
                aria-rowindex={item.index + 2}
                data-index={item.index}
                data-opens={onOpen ? '' : undefined}
                data-fresh={isFresh?.(row) ? '' : undefined}
                tabIndex={item.index === at ? 0 : -1}
                className={styles.row}
                style={{ ...template, height: rowHeight, transform: `translateY(${item.start}px)` }}
                onClick={(e) => onClick(e, row)}
                onFocus={(e) => e.target === e.currentTarget && setCurrent(item.index)}
              >
                {shown.map((c) => (
                  <div key={c.id} role="gridcell" className={styles.cell} data-align={c.align}>
                    {c.cell(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {foot && <div className={styles.foot}>{foot}</div>}
    </div>
  );
}
