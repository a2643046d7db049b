import { ActionIcon, TextInput, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import {
  IconArrowDown,
  IconArrowUp,
  IconCheck,
  IconChevronRight,
  IconCopy,
  IconLink,
  IconSearch,
} from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react';
import { formatJson, pathText, preview } from './json';
import { find, firstOpen, idOf, reveal, rowsOf, STEP, type TreeRow } from './tree';
import classes from './value-view.module.css';

const ROW = 24;

/** A JSON value as a tree. Only open branches are walked and only rows in sight are in the page. */
export function JsonTree({
  value,
  label,
  heading,
  tools,
}: {
  value: unknown;
  label: string;
  heading?: string;
  tools?: ReactNode;
}) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => firstOpen(value));
  const [limits, setLimits] = useState<ReadonlyMap<string, number>>(() => new Map());
  const [focus, setFocus] = useState(0);
  const [needle, setNeedle] = useState('');
  const [hit, setHit] = useState(0);
  const treeId = useId();
  const scroller = useRef<HTMLDivElement>(null);

  const rows = useMemo(() => rowsOf(value, open, limits), [value, open, limits]);
  const hits = useMemo(() => find(value, needle.trim()), [value, needle]);
  const hitIds = useMemo(() => new Set(hits.map(idOf)), [hits]);
  const currentHit = hits.length === 0 ? undefined : hits[Math.min(hit, hits.length - 1)];
  const currentId = currentHit ? idOf(currentHit) : undefined;

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 16,
  });

  // A match may lie in closed branches: open the way to it, then bring it into sight.
  useEffect(() => {
    if (!currentHit) return;
    const next = reveal(value, currentHit, open, limits);
    if (next.open.size !== open.size) setOpen(next.open);
    if ([...next.limits].some(([k, v]) => limits.get(k) !== v)) setLimits(next.limits);
  }, [currentHit, value, open, limits]);
  const currentRow = currentId === undefined ? -1 : rows.findIndex((r) => r.id === currentId);
  useEffect(() => {
    if (currentRow >= 0) virtual.scrollToIndex(currentRow, { align: 'center' });
  }, [currentRow, virtual]);

  const setBranch = (row: TreeRow, on: boolean) => {
    const next = new Set(open);
    if (on) next.add(row.id);
    else next.delete(row.id);
    setOpen(next);
  };
  const showMore = (row: TreeRow) => {
    const id = idOf(row.path);
    setLimits(new Map(limits).set(id, (limits.get(id) ?? STEP) + STEP));
  };
  const go = (index: number) => {
    const at = Math.max(0, Math.min(rows.length - 1, index));
    setFocus(at);
    virtual.scrollToIndex(at);
  };
  const onKeyDown = (e: KeyboardEvent) => {
    const row = rows[focus];
    if (!row) return;
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(focus + 1),
      ArrowUp: () => go(focus - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => (row.branch && !row.open ? setBranch(row, true) : go(focus + 1)),
      ArrowLeft: () => {
        if (row.open) return setBranch(row, false);
        const parent = rows.findLastIndex((r, i) => i < focus && r.depth < row.depth);
        if (parent >= 0) go(parent);
      },
      Enter: () => (row.more ? showMore(row) : row.branch && setBranch(row, !row.open)),
      ' ': () => row.branch && setBranch(row, !row.open),
    };
    const action = keys[e.key];
    if (!action || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    action();
  };

  const step = (by: number) => setHit((i) => (hits.length === 0 ? 0 : (i + by + hits.length) % hits.length));
  const active = rows[Math.min(focus, rows.length - 1)];
  const domId = (row: TreeRow) => `${treeId}-${row.id}`;

  return (
    <div className={classes.column}>
      <div className={classes.bar}>
        {heading && <h2 className={classes.heading}>{heading}</h2>}
        <TextInput
          className={classes.search}
          size="xs"
          aria-label={`Search in ${label.toLowerCase()}`}
          placeholder="Search"
          leftSection={<IconSearch size={14} aria-hidden />}
          value={needle}
          onChange={(e) => {
            setNeedle(e.currentTarget.value);
            setHit(0);
          }}
          onKeyDown={(e) => {
            if (e.key === 'Enter') step(e.shiftKey ? -1 : 1);
            if (e.key === 'Escape') setNeedle('');
          }}
        />
        {needle !== '' && (
          <>
            <output className={classes.count}>
              {hits.length === 0
                ? 'No match'
                : `${Math.min(hit, hits.length - 1) + 1} of ${hits.length.toLocaleString()}`}
            </output>
            <ActionIcon size={26} aria-label="Previous match" disabled={hits.length === 0} onClick={() => step(-1)}>
              <IconArrowUp size={15} />
            </ActionIcon>
            <ActionIcon size={26} aria-label="Next match" disabled={hits.length === 0} onClick={() => step(1)}>
              <IconArrowDown size={15} />
            </ActionIcon>
          </>
        )}
        <span className={classes.spring} />
        {tools}
      </div>
      <div className={classes.frame}>
        <div
          ref={scroller}
          className={classes.tree}
          role="tree"
          aria-label={label}
          tabIndex={0}
          aria-activedescendant={active ? domId(active) : undefined}
          onKeyDown={onKeyDown}
        >
          <div role="presentation" className={classes.sizer} style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index] as TreeRow;
              return (
                <div
                  key={row.id}
                  id={domId(row)}
                  role="treeitem"
                  tabIndex={-1}
                  aria-level={row.depth + 1}
                  aria-expanded={row.branch ? row.open : undefined}
                  aria-selected={item.index === focus}
                  className={[
                    classes.node,
                    item.index === focus ? classes.focused : '',
                    hitIds.has(row.id) ? classes.match : '',
                    row.id === currentId ? classes.currentMatch : '',
                  ].join(' ')}
                  style={{ transform: `translateY(${item.start}px)`, paddingInlineStart: 8 + row.depth * 16 }}
                  onMouseDown={() => setFocus(item.index)}
                  onClick={() => {
                    if (row.more) showMore(row);
                    else if (row.branch && window.getSelection()?.isCollapsed !== false) setBranch(row, !row.open);
                  }}
                  onKeyDown={undefined}
                >
                  {row.more ? (
                    <span className={classes.more}>
                      Show {Math.min(STEP, row.more).toLocaleString()} of {row.more.toLocaleString()} more
                    </span>
                  ) : (
                    <>
                      <span className={classes.twisty} aria-hidden>
                        {row.branch && <IconChevronRight size={14} className={row.open ? classes.turned : ''} />}
                      </span>
                      {row.name !== undefined && (
                        <>
                          <span className={typeof row.name === 'number' ? classes.index : classes.key}>{row.name}</span>
                          <span className={classes.colon}>:</span>
                        </>
                      )}
                      <Leaf row={row} />
                      <span className={classes.actions}>
                        <CopyNode
                          label="Copy path"
                          icon={<IconLink size={13} />}
                          text={() => pathText(row.path) || '$'}
                        />
                        <CopyNode
                          label="Copy value"
                          icon={<IconCopy size={13} />}
                          text={() => (typeof row.value === 'string' ? row.value : formatJson(row.value))}
                        />
                      </span>
                    </>
                  )}
                </div>
              );
            })}
          </div>
        </div>
      </div>
    </div>
  );
}

function Leaf({ row }: { row: TreeRow }) {
  const v = row.value;
  if (Array.isArray(v)) {
    return <span className={classes.summary}>{v.length === 0 ? '[]' : `[${v.length.toLocaleString()}]`}</span>;
  }
  if (typeof v === 'object' && v !== null) {
    return <span className={classes.summary}>{row.open ? `{${Object.keys(v).length}}` : preview(v, 80)}</span>;
  }
  if (typeof v === 'string') return <span className={classes.string}>{JSON.stringify(preview(v, 500))}</span>;
  if (typeof v === 'number' || typeof v === 'bigint') return <span className={classes.number}>{String(v)}</span>;
  return <span className={classes.literal}>{String(v)}</span>;
}

function CopyNode({ label, icon, text }: { label: string; icon: ReactNode; text: () => string }) {
  const { copy, copied } = useClipboard({ timeout: 1200 });
  return (
    <Tooltip label={copied ? 'Copied' : label}>
      <ActionIcon
        size={20}
        tabIndex={-1}
        aria-label={label}
        onClick={(e) => {
          e.stopPropagation();
          copy(text());
        }}
      >
        {copied ? <IconCheck size={13} /> : icon}
      </ActionIcon>
    </Tooltip>
  );
}
