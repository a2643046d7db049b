import { asProblem, Problem } from './problem';
import type { components } from './schema.gen';

/** What the stream of a job says: what is new since the offsets. */
export type JobUpdate = components['schemas']['JobUpdate'];

export interface FollowOptions {
  onUpdate: (update: JobUpdate) => void;
  /** The stream is open (true) or broke and is being taken up again (false). */
  onConnection: (connected: boolean) => void;
  /** Following is over for a reason that trying again does not change. */
  onProblem: (problem: Problem) => void;
}

const PAUSES = [200, 500, 1_000, 2_000, 5_000];

/**
 * Follows a job until it is final. A stream that breaks is taken up where it ended: offsets are ours, as the browser's own
 * reconnecting would begin at the first line again.
 */
export function followJob(workspace: string, id: string, options: FollowOptions): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let logs = 0;
  let stream = 0;
  let failures = 0;
  let over = false;

  const stop = () => {
    over = true;
    source?.close();
    clearTimeout(timer);
  };

  const connect = () => {
    const query = new URLSearchParams({ log_offset: String(logs), stream_offset: String(stream), fast: 'true' });
    const es = new EventSource(
      `/api/w/${encodeURIComponent(workspace)}/jobs_u/getupdate_sse/${encodeURIComponent(id)}?${query}`,
    );
    source = es;
    es.onopen = () => {
      options.onConnection(true);
    };
    es.onmessage = (e: MessageEvent<string>) => {
      if (over) return;
      let update: JobUpdate;
      try {
        update = JSON.parse(e.data) as JobUpdate;
      } catch (error) {
        stop();
        options.onProblem(asProblem(error));
        return;
      }
      failures = 0;
      switch (update.type) {
        case 'ping':
          return;
        case 'timeout':
          again(0);
          return;
        case 'notfound':
          stop();
          options.onProblem(new Problem(404, 'There is no such run here, or you may not see it.'));
          return;
        case 'error':
          stop();
          options.onProblem(new Problem(500, update.error ?? 'The stream of this run ended with an error.'));
          return;
      }
      if (update.log_offset !== undefined) logs = update.log_offset;
      if (update.stream_offset !== undefined) stream = update.stream_offset;
      if (update.completed) stop();
      options.onUpdate(update);
    };
    es.onerror = () => {
      if (over) return;
      options.onConnection(false);
      again(PAUSES[Math.min(failures++, PAUSES.length - 1)] as number);
    };
  };

  const again = (pause: number) => {
    source?.close();
    timer = setTimeout(connect, pause);
  };

  connect();
  return stop;
}
