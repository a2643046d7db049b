import { useEffect, useEffectEvent } from 'react';
import { create } from 'zustand';

// One stream of server-sent events per tab tells what changed in the open workspace. Views subscribe to notes, not to data:
// a note says "look again".

/** A note that something changed. Letters as the server sends them. */
export type Note = {
  /** queued, started, log, done, cancel, deployed; empty: notes were lost, look at everything again. */
  kind: string;
  jobId: string;
  status: string;
  tag: string;
};

/** How fresh what is shown can be. */
export type LiveState = 'connecting' | 'connected' | 'reconnecting' | 'stale';

type LiveStore = { state: LiveState; since: number };

/** State of this tab's stream. */
export const useLive = create<LiveStore>(() => ({ state: 'connecting', since: Date.now() }));

// After this long without a stream, what is on the screen is called stale.
const STALE_AFTER = 20_000;
// The browser retries by itself only while the answer was a stream; after an error page we do, with these pauses.
const RETRIES = [500, 1_000, 2_000, 5_000, 10_000];

const LOOK_AGAIN: Note = { kind: '', jobId: '', status: '', tag: '' };

type Listener = (note: Note) => void;

class Live {
  private listeners = new Set<Listener>();
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private staleTimer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private users = 0;
  private workspace = '';
  private lost = false;

  /** Keeps the stream of a workspace open until the returned function is called. */
  open(workspace: string): () => void {
    if (workspace !== this.workspace) this.close();
    this.workspace = workspace;
    this.users++;
    if (!this.source && this.timer === undefined) this.connect();
    return () => {
      this.users--;
      if (this.users === 0) this.close();
    };
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private connect() {
    this.timer = undefined;
    const source = new EventSource(`/api/w/${encodeURIComponent(this.workspace)}/events`);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.become('connected');
      if (this.lost) this.tell(LOOK_AGAIN);
      this.lost = false;
    };
    const onNote = (e: MessageEvent<string>) => this.tell(readNote(e.data));
    source.onmessage = onNote;
    source.addEventListener('note', onNote);
    source.onerror = () => {
      this.lost = true;
      this.become('reconnecting');
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      this.source = undefined;
      const pause = RETRIES[Math.min(this.failures++, RETRIES.length - 1)];
      this.timer = setTimeout(() => this.connect(), pause);
    };
  }

  private close() {
    this.source?.close();
    this.source = undefined;
    clearTimeout(this.timer);
    clearTimeout(this.staleTimer);
    this.timer = undefined;
    this.staleTimer = undefined;
    this.failures = 0;
    this.lost = false;
    useLive.setState({ state: 'connecting', since: Date.now() });
  }

  private become(state: LiveState) {
    if (state === 'connected') {
      clearTimeout(this.staleTimer);
      this.staleTimer = undefined;
    } else if (this.staleTimer === undefined) {
      this.staleTimer = setTimeout(() => useLive.setState({ state: 'stale' }), STALE_AFTER);
    }
    const now = useLive.getState();
    if (now.state === state || (now.state === 'stale' && state === 'reconnecting')) return;
    useLive.setState({ state, since: now.state === 'connected' || state === 'connected' ? Date.now() : now.since });
  }

  private tell(note: Note) {
    for (const listener of [...this.listeners]) listener(note);
  }
}

/** The stream of this tab. */
export const live = new Live();

/** Calls back on every note while the component is mounted. */
export function useNotes(onNote: (note: Note) => void) {
  const call = useEffectEvent(onNote);
  useEffect(() => live.subscribe((n) => call(n)), []);
}

export function readNote(text: string): Note {
  try {
    const v: unknown = JSON.parse(text);
    if (typeof v !== 'object' || v === null) return LOOK_AGAIN;
    const get = (key: string) => {
      const x = (v as Record<string, unknown>)[key];
      return typeof x === 'string' ? x : '';
    };
    return { kind: get('k'), jobId: get('j'), status: get('s'), tag: get('t') };
  } catch {
    return LOOK_AGAIN;
  }
}

// Bursts of notes become one look at the server.
const SETTLE_MS = 250;

/** Calls back once after a burst of notes of these kinds, and when notes were lost. */
export function useNotesSettled(kinds: string[], onChange: () => void) {
  const call = useEffectEvent(onChange);
  const wants = useEffectEvent((note: Note) => note.kind === '' || kinds.includes(note.kind));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = live.subscribe((note) => {
      if (!wants(note)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        call();
      }, SETTLE_MS);
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, []);
}
