import { infiniteQueryOptions, QueryClient, queryOptions } from '@tanstack/react-query';
import { api, data } from './client';
import { Problem } from './problem';
import type { components } from './schema.gen';

export type Script = components['schemas']['Script'];
export type Job = components['schemas']['Job'];
export type Language = components['schemas']['Language'];
export type Worker = components['schemas']['Worker'];
export type Token = components['schemas']['Token'];
export type Welcome = components['schemas']['Welcome'];
export type Whoami = components['schemas']['User'];

/** The cache of what the server said. Notes of the live stream make it look again; nothing polls. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: false,
      // An answer that says no will say no again; only a server that could not be reached is asked once more.
      retry: (count, error) => count < 1 && error instanceof Problem && (error.status === 0 || error.status >= 502),
      retryDelay: 400,
    },
  },
});

const session = 5 * 60_000;

/** Who is signed in, in the instance. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => data(api.GET('/api/users/whoami')),
  staleTime: session,
});

/** The workspaces of who is signed in. */
export const workspacesQuery = queryOptions({
  queryKey: ['workspaces'],
  queryFn: () => data(api.GET('/api/workspaces/users')),
  staleTime: session,
});

/** Who is signed in, as a member of the workspace. */
export const memberQuery = (workspace: string) =>
  queryOptions({
    queryKey: ['member', workspace],
    queryFn: () => data(api.GET('/api/w/{workspace}/users/whoami', { params: { path: { workspace } } })),
    staleTime: session,
  });

/** The catalogue of languages: what the picker, icons and templates render from. */
export const languagesQuery = queryOptions({
  queryKey: ['languages'],
  queryFn: () => data(api.GET('/api/languages')),
  staleTime: Number.POSITIVE_INFINITY,
});

/** The scripts of a workspace that the viewer may see. */
export const scriptsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ['scripts', workspace],
    queryFn: () =>
      data(api.GET('/api/w/{workspace}/scripts/list', { params: { path: { workspace }, query: { per_page: 1000 } } })),
  });

/** One script by path, newest version. */
export const scriptQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ['script', workspace, path],
    queryFn: () => data(api.GET('/api/w/{workspace}/scripts/get/p/{path}', { params: { path: { workspace, path } } })),
  });

/** One job. */
export const jobQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ['job', workspace, id],
    queryFn: () => data(api.GET('/api/w/{workspace}/jobs_u/get/{id}', { params: { path: { workspace, id } } })),
  });

/** What the list of runs shows; stands in the URL. */
export type JobFilter = {
  status?: 'queued' | 'running' | 'success' | 'failure' | 'canceled';
  path?: string;
  /** Exactly this script. */
  script?: string;
  by?: string;
  kinds?: 'runs' | 'all';
};

export const JOBS_PER_PAGE = 50;

/** The list of runs, newest first, in pages by key: each begins before the last row of the one above it. */
export const jobsQuery = (workspace: string, filter: JobFilter) =>
  infiniteQueryOptions({
    queryKey: ['jobs', workspace, filter],
    initialPageParam: '',
    queryFn: ({ pageParam }) => fetchJobs(workspace, filter, pageParam),
    getNextPageParam: (last: Job[]) => (last.length < JOBS_PER_PAGE ? undefined : last[last.length - 1]?.id),
  });

/** One page of the list of runs. */
export function fetchJobs(workspace: string, filter: JobFilter, before: string): Promise<Job[]> {
  return data(
    api.GET('/api/w/{workspace}/jobs/list', {
      params: {
        path: { workspace },
        query: { ...jobFilterQuery(filter), before: before || undefined, per_page: JOBS_PER_PAGE },
      },
    }),
  );
}

/** The filter in the words of the API. */
export function jobFilterQuery(filter: JobFilter) {
  return {
    script_path_start: filter.path || undefined,
    script_path_exact: filter.script || undefined,
    created_by: filter.by || undefined,
    job_kinds: filter.kinds === 'all' ? undefined : 'script,preview',
    // A poisoned job failed, for whoever looks for what failed.
    status: filter.status === 'failure' ? 'failure,poisoned' : filter.status,
  };
}

/** The newest runs of a workspace, for what lists say beside other things. */
export const recentJobsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ['recent-jobs', workspace],
    queryFn: () =>
      data(
        api.GET('/api/w/{workspace}/jobs/list', {
          params: { path: { workspace }, query: { job_kinds: 'script,preview', per_page: 200 } },
        }),
      ),
  });

/** What a one-time link is for; reading does not use it. */
export const welcomeQuery = (token: string) =>
  queryOptions({
    queryKey: ['welcome', token],
    queryFn: () => data(api.GET('/api/auth/welcome', { params: { query: { token } } })),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The workers of the instance. */
export const workersQuery = queryOptions({
  queryKey: ['workers'],
  queryFn: () => data(api.GET('/api/workers/list')),
});

/** The tokens and sessions of who is signed in. */
export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: () => data(api.GET('/api/users/tokens/list')),
});
