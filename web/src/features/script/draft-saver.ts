import { asProblem, type Problem } from '~/api/problem';
import { type Draft, deleteDraft, saveDraft } from '~/api/scripts';
import { pathProblem } from './path';

/** So long after the last change the draft is saved. */
const PAUSE = 800;

export interface DraftState {
  status: 'untouched' | 'unsaved' | 'saving' | 'saved' | 'failed';
  /** Milliseconds; 0: never. */
  savedAt: number;
  problem?: Problem;
}

interface Calls {
  save: typeof saveDraft;
  remove: typeof deleteDraft;
}

/** Keeps what is being written on the server: one draft per person and path, saved a moment after the last change. */
export class DraftSaver {
  #state: DraftState;
  #listeners = new Set<() => void>();
  #value: Draft | undefined;
  #text = '';
  #saved = '';
  /** Where the server has a draft of this writing; "" when nowhere. */
  #at = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;
  #over = false;

  constructor(
    private readonly workspace: string,
    stored: { path: string; updated_at: string } | undefined,
    private readonly calls: Calls = { save: saveDraft, remove: deleteDraft },
  ) {
    this.#state = stored
      ? { status: 'saved', savedAt: Date.parse(stored.updated_at) }
      : { status: 'untouched', savedAt: 0 };
    this.#at = stored?.path ?? '';
  }

  state = (): DraftState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What is on the screen now. Nothing is saved until a person changed something. */
  update(value: Draft, touched: boolean): void {
    const text = JSON.stringify(value);
    if (text === this.#text) return;
    const first = this.#text === '';
    this.#value = value;
    this.#text = text;
    if (first && this.#state.status === 'saved') this.#saved = text;
    if (!touched || this.#over || text === this.#saved) return;
    this.#set({ status: 'unsaved' });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.save(), PAUSE);
  }

  /** Saves now. */
  save = async (): Promise<void> => {
    clearTimeout(this.#timer);
    const value = this.#value;
    const text = this.#text;
    if (!value || !this.#unsaved()) return;
    this.#running?.abort();
    const abort = new AbortController();
    this.#running = abort;
    this.#set({ status: 'saving' });
    try {
      await this.calls.save(this.workspace, value, { signal: abort.signal });
      const before = this.#at;
      this.#at = value.path;
      this.#saved = text;
      this.#set({ status: this.#text === text ? 'saved' : 'unsaved', savedAt: Date.now(), problem: undefined });
      // The path was changed: the draft moves, it does not multiply.
      if (before !== '' && before !== value.path)
        await this.calls.remove(this.workspace, before).catch(() => undefined);
    } catch (e) {
      if (!abort.signal.aborted) this.#set({ status: 'failed', problem: asProblem(e) });
    }
  };

  /** The page goes: what was typed in the last moments is saved without waiting for it. */
  leave = (): void => {
    clearTimeout(this.#timer);
    if (!this.#value || !this.#unsaved()) return;
    this.#saved = this.#text;
    // What is kept alive while a page goes may be 64 KB.
    void this.calls.save(this.workspace, this.#value, { keepalive: this.#text.length < 60_000 }).catch(() => undefined);
  };

  /** Stops saving: the draft became a version. */
  stop = (): void => {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#running?.abort();
  };

  /** Drops the draft; what is written from here on is a new one. */
  drop = async (): Promise<void> => {
    clearTimeout(this.#timer);
    this.#running?.abort();
    const at = this.#at;
    this.#at = '';
    this.#saved = this.#text;
    this.#set({ status: 'untouched', savedAt: 0, problem: undefined });
    if (at !== '') await this.calls.remove(this.workspace, at).catch(() => undefined);
  };

  #unsaved(): boolean {
    if (this.#over || !this.#value || this.#text === this.#saved) return false;
    if (this.#state.status === 'untouched') return false;
    return pathProblem(this.#value.path) === undefined;
  }

  #set(change: Partial<DraftState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}
