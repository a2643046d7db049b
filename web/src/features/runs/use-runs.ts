import { useQueryClient, useSuspenseInfiniteQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { isFinal } from '~/api/jobs';
import { useNotes, useNotesSettled } from '~/api/live';
import { fetchJobs, type Job, type JobFilter, jobQuery, jobsQuery } from '~/api/queries';
import { mergeFresh, prepend } from './merge';

/** The list of runs, kept fresh by the live stream without moving what is being read. */
export function useRuns(workspace: string, filter: JobFilter, isReading: () => boolean) {
  const client = useQueryClient();
  const options = jobsQuery(workspace, filter);
  const query = useSuspenseInfiniteQuery({
    ...options,
    // Notes bring what is new; a refetch of all pages would make rows jump.
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [held, setHeld] = useState<Job[]>([]);
  const [lit, setLit] = useState<ReadonlySet<string>>(new Set());
  const ended = useRef(new Set<string>());

  const put = (change: (pages: Job[][]) => Job[][]) =>
    client.setQueryData(options.queryKey, (old) => old && { ...old, pages: change(old.pages) });

  const show = (arrived: Job[]) => {
    setLit(new Set(arrived.map((j) => j.id)));
    put((pages) => prepend(pages, arrived));
    setHeld([]);
  };

  const look = async () => {
    const fresh = await fetchJobs(workspace, filter, '').catch(() => undefined);
    if (!fresh) return; // The live dot says that the server is not reached.
    const now = client.getQueryData(options.queryKey);
    if (!now) return;
    const { pages, arrived } = mergeFresh(now.pages, fresh);
    put(() => pages);
    if (isReading()) setHeld(arrived);
    else if (arrived.length > 0) show(arrived);
    // Jobs further down that ended are looked up one by one: there are few.
    const ids = [...ended.current];
    ended.current.clear();
    const stale = pages.flat().filter((j) => ids.includes(j.id) && !isFinal(j));
    for (const j of stale) {
      const job = await client.fetchQuery({ ...jobQuery(workspace, j.id), staleTime: 0 }).catch(() => undefined);
      if (job) put((p) => p.map((page) => page.map((old) => (old.id === job.id ? job : old))));
    }
  };

  useNotes((note) => {
    if (note.kind === 'done' && note.jobId) ended.current.add(note.jobId);
  });
  useNotesSettled(['queued', 'started', 'done', 'cancel'], () => void look());

  return {
    rows: query.data.pages.flat(),
    held: held.length,
    showHeld: () => show(held),
    isFresh: (job: Job) => lit.has(job.id),
    more: () => {
      if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
    },
    hasMore: query.hasNextPage,
    look,
  };
}
