import { ActionIcon, Button, TextInput, Tooltip } from '@mantine/core';
import {
  IconArrowDown,
  IconArrowUp,
  IconChevronDown,
  IconDownload,
  IconSearch,
  IconTextWrap,
} from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useId, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { Token } from './ansi';
import { AnsiText } from './ansi-text';
import { type LogBuffer, type LogLine, searchLines } from './log-buffer';
import classes from './log-view.module.css';

export interface LogViewProps {
  buffer: LogBuffer;
  /** Says whose log this is to those who do not see it. */
  label: string;
  /** Shown as the heading of the view. */
  heading?: string;
  /** More may come: an empty log says so, and the view follows its end. */
  live?: boolean;
  /** What an empty, finished log says. */
  empty?: string;
  /** Where the whole log can be had; without it the log as it is here is saved. */
  downloadUrl?: string;
  fileName?: string;
  /** Line numbers become links to `#L12`. Off where the page's address is not about this log. */
  permalinks?: boolean;
}

const LINE_HEIGHT = 20;
const MARK = /^\[…? ?.*(truncated|omitted|left out|dropped).*\]$/i;

/** A log of any length: only the lines in sight are in the page. */
export function LogView({
  buffer,
  label,
  heading,
  live = false,
  empty = 'This printed nothing.',
  downloadUrl,
  fileName = 'log.txt',
  permalinks = false,
}: LogViewProps) {
  useSyncExternalStore(buffer.subscribe, buffer.snapshot);
  const lines = buffer.lines;
  const count = lines.length;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [wrap, setWrap] = useState(readWrap);
  const [follow, setFollow] = useState(true);
  const [needle, setNeedle] = useState('');
  const [at, setAt] = useState(0);
  const [marked, setMarked] = useState(() => (permalinks ? lineOfHash() : -1));

  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 20,
    // Unwrapped lines are all of one height: nothing is measured, 100,000 lines cost as much as 100.
    ...(wrap ? { measureElement: (el: Element) => el.getBoundingClientRect().height } : {}),
  });

  // The buffer is mutable; its version is the dependency.
  // oxlint-disable-next-line react/exhaustive-deps
  const hits = useMemo(() => searchLines(lines, needle), [needle, buffer.version]);
  const hitSet = useMemo(() => new Set(hits), [hits]);
  const current = hits.length === 0 ? -1 : (hits[Math.min(at, hits.length - 1)] as number);

  const scrollTo = useCallback((index: number) => virtual.scrollToIndex(index, { align: 'center' }), [virtual]);

  useEffect(() => {
    if (follow && needle === '' && marked < 0 && count > 0) virtual.scrollToIndex(count - 1, { align: 'end' });
  }, [count, follow, needle, marked, virtual]);

  useEffect(() => {
    if (current >= 0) scrollTo(current);
  }, [current, scrollTo]);

  useEffect(() => {
    if (!permalinks) return;
    const onHash = () => setMarked(lineOfHash());
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, [permalinks]);

  const reachable = marked >= 0 && marked < count;
  useEffect(() => {
    if (reachable) scrollTo(marked);
  }, [reachable, marked, scrollTo]);

  const step = (by: number) => setAt((i) => (hits.length === 0 ? 0 : (i + by + hits.length) % hits.length));

  const onScroll = () => {
    const el = scroller.current;
    if (!el) return;
    setFollow(el.scrollHeight - el.scrollTop - el.clientHeight < 2 * LINE_HEIGHT);
  };

  const toEnd = () => {
    setMarked(-1);
    setFollow(true);
    if (count > 0) virtual.scrollToIndex(count - 1, { align: 'end' });
  };

  const save = () => {
    const url = URL.createObjectURL(new Blob([buffer.text()], { type: 'text/plain' }));
    const a = document.createElement('a');
    a.href = url;
    a.download = fileName;
    a.click();
    URL.revokeObjectURL(url);
  };

  const digits = `${Math.max(2, String(count).length)}ch`;
  return (
    <section className={classes.root} aria-label={label}>
      <div className={classes.bar}>
        {heading && <h2 className={classes.heading}>{heading}</h2>}
        <TextInput
          className={classes.search}
          aria-label={`Search in ${label.toLowerCase()}`}
          placeholder="Search"
          size="xs"
          leftSection={<IconSearch size={14} aria-hidden />}
          value={needle}
          onChange={(e) => {
            setNeedle(e.currentTarget.value);
            setAt(0);
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
                : `${Math.min(at, hits.length - 1) + 1} of ${hits.length.toLocaleString()}`}
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
        <span className={classes.count}>{count === 1 ? '1 line' : `${count.toLocaleString()} lines`}</span>
        <Tooltip label={wrap ? 'Do not wrap lines' : 'Wrap lines'}>
          <ActionIcon
            size={26}
            aria-label="Wrap lines"
            aria-pressed={wrap}
            variant={wrap ? 'light' : 'subtle'}
            onClick={() => {
              setWrap(!wrap);
              keepWrap(!wrap);
            }}
          >
            <IconTextWrap size={15} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Download the log">
          {downloadUrl ? (
            <ActionIcon size={26} component="a" href={downloadUrl} download={fileName} aria-label="Download the log">
              <IconDownload size={15} />
            </ActionIcon>
          ) : (
            <ActionIcon size={26} aria-label="Download the log" onClick={save}>
              <IconDownload size={15} />
            </ActionIcon>
          )}
        </Tooltip>
      </div>
      <div className={classes.frame}>
        {/* a scrolling region must be reachable by keyboard. */}
        <div
          ref={scroller}
          className={`${classes.scroller} ${wrap ? classes.wrapped : ''}`}
          onScroll={onScroll}
          tabIndex={0}
          role="log"
          aria-live="off"
          aria-label={`${label} lines`}
        >
          {count === 0 ? (
            <div className={classes.empty}>{live ? 'Nothing printed yet.' : empty}</div>
          ) : (
            <div className={classes.sizer} style={{ height: virtual.getTotalSize(), ['--digits' as string]: digits }}>
              {virtual.getVirtualItems().map((row) => {
                const line = lines[row.index] as LogLine;
                const state = [
                  classes.line,
                  row.index === marked ? classes.marked : '',
                  row.index === current ? classes.current : '',
                  MARK.test(line.text) ? classes.note : '',
                ].join(' ');
                return (
                  <div
                    key={row.key}
                    ref={wrap ? virtual.measureElement : undefined}
                    data-index={row.index}
                    className={state}
                    style={{ transform: `translateY(${row.start}px)` }}
                  >
                    {permalinks ? (
                      <a
                        className={classes.number}
                        href={`#L${row.index + 1}`}
                        tabIndex={-1}
                        id={`${id}-L${row.index + 1}`}
                      >
                        {row.index + 1}
                      </a>
                    ) : (
                      <span className={classes.number}>{row.index + 1}</span>
                    )}
                    <span className={classes.text}>
                      <AnsiText
                        text={line.text}
                        sgr={line.sgr}
                        renderText={hitSet.has(row.index) ? (t) => <Hits token={t} needle={needle} /> : undefined}
                      />
                    </span>
                  </div>
                );
              })}
            </div>
          )}
        </div>
        {!follow && count > 0 && (
          <Button
            className={classes.jump}
            size="xs"
            leftSection={<IconChevronDown size={14} aria-hidden />}
            onClick={toEnd}
          >
            {live ? 'Follow' : 'To the end'}
          </Button>
        )}
      </div>
    </section>
  );
}

function Hits({ token, needle }: { token: Token; needle: string }) {
  const low = token.text.toLowerCase();
  const wanted = needle.toLowerCase();
  const out: React.ReactNode[] = [];
  let from = 0;
  for (let i = low.indexOf(wanted); i >= 0 && out.length < 200; i = low.indexOf(wanted, from)) {
    out.push(token.text.slice(from, i));
    out.push(
      <mark key={i} className={classes.hit}>
        {token.text.slice(i, i + wanted.length)}
      </mark>,
    );
    from = i + wanted.length;
  }
  out.push(token.text.slice(from));
  return out;
}

function lineOfHash(): number {
  const found = /^#L(\d+)$/.exec(window.location.hash);
  return found ? Number(found[1]) - 1 : -1;
}

const WRAP = 'ui.log.wrap';

function readWrap(): boolean {
  try {
    return localStorage.getItem(WRAP) === '1';
  } catch {
    return false;
  }
}

function keepWrap(on: boolean): void {
  try {
    localStorage.setItem(WRAP, on ? '1' : '0');
  } catch {
    // Private windows may refuse; the choice then lives as long as the page.
  }
}
