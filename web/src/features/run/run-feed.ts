import { type FollowOptions, followJob } from '~/api/follow';
import type { Problem } from '~/api/problem';
import type { Job } from '~/api/queries';
import { LogBuffer } from '~/ui/log-view/log-buffer';

export interface FeedState {
  running: boolean;
  completed: boolean;
  connected: boolean;
  /** Items of a streamed result so far, as text. */
  stream: string;
  memory: number;
  /** Why it is where it is, in the server's words. */
  reason: string;
  /** The whole job, once it is final. */
  job?: Job;
  problem?: Problem;
}

type Follow = (workspace: string, id: string, options: FollowOptions) => () => void;

/** What a run tells while it happens: its log, its streamed result, and when it starts and ends. */
export class RunFeed {
  readonly logs = new LogBuffer();
  #state: FeedState = { running: false, completed: false, connected: false, stream: '', memory: 0, reason: '' };
  #listeners = new Set<() => void>();
  #stop: (() => void) | undefined;
  #users = 0;

  constructor(
    readonly workspace: string,
    readonly id: string,
    private readonly follow: Follow = followJob,
  ) {}

  state = (): FeedState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#users++;
    if (!this.#stop && !this.#state.completed && !this.#state.problem) this.#start();
    return () => {
      this.#listeners.delete(listener);
      this.#users--;
      // React unmounts and mounts again in one go; only a feed that stays unused is closed.
      queueMicrotask(() => {
        if (this.#users > 0) return;
        this.#stop?.();
        this.#stop = undefined;
        if (!this.#state.completed) this.#restart = true;
      });
    };
  };

  #restart = false;

  #start(): void {
    if (this.#restart) {
      // The follower begins at the first line again, so the log does too.
      this.logs.clear();
      this.#set({ stream: '' });
      this.#restart = false;
    }
    this.#stop = this.follow(this.workspace, this.id, {
      onConnection: (connected) => this.#set({ connected }),
      onProblem: (problem) => this.#set({ problem, connected: false }),
      onUpdate: (u) => {
        if (u.new_logs) this.logs.append(u.new_logs);
        this.#set({
          connected: true,
          running: u.running ?? this.#state.running,
          completed: u.completed ?? this.#state.completed,
          stream: u.new_result_stream ? this.#state.stream + u.new_result_stream : this.#state.stream,
          memory: u.mem_peak ?? this.#state.memory,
          reason: u.reason ?? '',
          job: u.job ?? this.#state.job,
        });
      },
    });
  }

  #set(change: Partial<FeedState>): void {
    const next = { ...this.#state, ...change };
    if ((Object.keys(change) as (keyof FeedState)[]).every((k) => next[k] === this.#state[k])) return;
    this.#state = next;
    for (const listener of [...this.#listeners]) listener();
  }
}
