import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { live, type Note, readNote, useLive } from './live';

class FakeSource {
  static CLOSED = 2;
  static made: FakeSource[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly url: string;
  constructor(url: string) {
    this.url = url;
    FakeSource.made.push(this);
  }
  addEventListener() {}
  close() {
    this.readyState = FakeSource.CLOSED;
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
  }
  breaks(closed: boolean) {
    this.readyState = closed ? FakeSource.CLOSED : 0;
    this.onerror?.();
  }
}

const last = () => FakeSource.made.at(-1) as FakeSource;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', FakeSource);
  FakeSource.made = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a note that cannot be read means: look at everything again', () => {
  expect(readNote('{"k":"done","j":"x","s":"success"}')).toEqual({
    kind: 'done',
    jobId: 'x',
    status: 'success',
    tag: '',
  });
  for (const text of ['', 'null', '{', '{}']) expect(readNote(text).kind).toBe('');
});

test('one stream serves all who open the workspace, and closes with the last', () => {
  const first = live.open('main');
  const second = live.open('main');
  expect(FakeSource.made).toHaveLength(1);
  expect(last().url).toBe('/api/w/main/events');
  first();
  expect(last().readyState).not.toBe(FakeSource.CLOSED);
  second();
  expect(last().readyState).toBe(FakeSource.CLOSED);
});

test('another workspace gets a stream of its own', () => {
  const leave = live.open('main');
  const old = last();
  const leaveOther = live.open('acme');
  expect(old.readyState).toBe(FakeSource.CLOSED);
  expect(last().url).toBe('/api/w/acme/events');
  leave();
  expect(last().readyState).not.toBe(FakeSource.CLOSED);
  leaveOther();
});

test('after a break it reconnects, says so, calls old data stale, and has everything looked at again', () => {
  const notes: Note[] = [];
  const unsubscribe = live.subscribe((n) => notes.push(n));
  const leave = live.open('main');
  last().opens();
  expect(useLive.getState().state).toBe('connected');
  expect(notes).toEqual([]);

  last().breaks(true);
  expect(useLive.getState().state).toBe('reconnecting');
  vi.advanceTimersByTime(600);
  expect(FakeSource.made).toHaveLength(2);
  vi.advanceTimersByTime(20_000);
  expect(useLive.getState().state).toBe('stale');

  last().opens();
  expect(useLive.getState().state).toBe('connected');
  expect(notes.map((n) => n.kind)).toEqual(['']);
  unsubscribe();
  leave();
});
