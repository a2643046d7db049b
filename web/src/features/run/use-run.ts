import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { isFinal } from '~/api/jobs';
import { type Job, jobQuery } from '~/api/queries';
import { argsUrl, loadValue, resultUrl } from '~/api/result';
import { versionQuery } from '~/api/scripts';
import { parseJson } from '~/ui/value-view/json';

import { type FeedState, RunFeed } from './run-feed';

export interface Run {
  job: Job | undefined;
  feed: RunFeed;
  state: FeedState;
  final: boolean;
}

/** A run as it is now and while it changes. */
export function useRun(workspace: string, id: string): Run {
  const client = useQueryClient();
  const feed = useMemo(() => new RunFeed(workspace, id), [workspace, id]);
  const state = useSyncExternalStore(feed.subscribe, feed.state);
  const { data: job } = useQuery(jobQuery(workspace, id));
  const final = job !== undefined && isFinal(job);
  // The stream brings the finished job with it; that it began is asked for, to know since when.
  const told = state.job;
  useEffect(() => {
    if (!told) return;
    const { queryKey } = jobQuery(workspace, id);
    client.setQueryData(queryKey, (old) => (old ? { ...old, running: undefined, ...told } : told));
  }, [client, workspace, id, told]);
  const began = job !== undefined && !final && told === undefined && state.running && !job.running;
  useEffect(() => {
    if (began) void client.invalidateQueries({ queryKey: jobQuery(workspace, id).queryKey });
  }, [client, workspace, id, began]);
  return { job, feed, state, final };
}

/** The result of a final run; a large one only as far as a page can show it. It never changes. */
export const resultQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ['result', workspace, id],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    queryFn: ({ signal }) => parsed(resultUrl(workspace, id), signal),
  });

/** Arguments that are too large to come with their run. */
export const argsQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ['args', workspace, id],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    queryFn: ({ signal }) => parsed(argsUrl(workspace, id), signal),
  });

async function parsed(url: string, signal: AbortSignal) {
  const loaded = await loadValue(url, signal);
  const value: unknown = !loaded.whole ? undefined : loaded.text === '' ? null : parseJson(loaded.text);
  return { ...loaded, value };
}

/** The code that a run ran: what came with the request, or the version that was deployed then. */
export const runCodeQuery = (workspace: string, job: Pick<Job, 'id' | 'raw_code' | 'script_hash' | 'language'>) =>
  queryOptions({
    queryKey: ['run-code', workspace, job.id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ client }) => {
      if (job.raw_code !== undefined)
        return { content: job.raw_code, language: job.language ?? '', schema: undefined as unknown };
      if (!job.script_hash) return { content: '', language: job.language ?? '', schema: undefined as unknown };
      const script = await client.fetchQuery(versionQuery(workspace, job.script_hash));
      return { content: script.content, language: script.language, schema: script.schema as unknown };
    },
  });
