import { queryOptions } from '@tanstack/react-query';
import { api, data } from './client';
import type { Script } from './queries';
import type { components } from './schema.gen';

export type Signature = components['schemas']['Signature'];
export type Version = components['schemas']['ScriptHistory'];
export type NewVersion = components['schemas']['NewScript'];

/** What a person works on and has not deployed: the value of a draft. */
export interface Draft {
  path: string;
  language: string;
  content: string;
  summary: string;
  description?: string;
  kind?: string;
  /** The version it was made from. */
  parent_hash?: string;
  args?: Record<string, unknown>;
}

export interface StoredDraft {
  value: Draft;
  updated_at: string;
}

/** Reads what the entry point of a source takes, without storing it. */
export function signature(
  workspace: string,
  language: string,
  content: string,
  path: string,
  signal?: AbortSignal,
): Promise<Signature> {
  return data(
    api.POST('/api/w/{workspace}/scripts/signature', {
      params: { path: { workspace } },
      body: path === '' ? { language, content } : { language, content, path },
      signal,
    }),
  );
}

/** One version; it never changes. */
export const versionQuery = (workspace: string, hash: string) =>
  queryOptions({
    queryKey: ['version', workspace, hash],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => data(api.GET('/api/w/{workspace}/scripts/get/h/{hash}', { params: { path: { workspace, hash } } })),
  });

/** The versions at a path, newest first. */
export const historyQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ['script', workspace, path, 'history'],
    queryFn: () =>
      data(api.GET('/api/w/{workspace}/scripts/history/p/{path}', { params: { path: { workspace, path } } })),
  });

/** Deploys a version; the answer is its hash. */
export async function deploy(workspace: string, body: NewVersion): Promise<string> {
  return data(
    api.POST('/api/w/{workspace}/scripts/create', { params: { path: { workspace } }, body, parseAs: 'text' }),
  );
}

/** The settings of a version that its next one keeps. */
export function settingsOf(script: Script): Omit<NewVersion, 'path' | 'content' | 'language'> {
  const {
    archived: _a,
    created_at: _b,
    created_by: _c,
    deleted: _d,
    deployment_msg: _e,
    extra_perms: _f,
    hash: _g,
    lock: _h,
    lock_error_logs: _i,
    parent_hashes: _j,
    starred: _k,
    workspace_id: _l,
    has_preprocessor: _m,
    no_main_func: _n,
    // Read from the code again.
    schema: _o,
    path: _p,
    content: _q,
    language: _r,
    ...settings
  } = script;
  return settings;
}

export async function archive(workspace: string, path: string): Promise<void> {
  await api.POST('/api/w/{workspace}/scripts/archive/p/{path}', {
    params: { path: { workspace, path } },
    parseAs: 'text',
  });
}

export async function remove(workspace: string, path: string): Promise<void> {
  await api.POST('/api/w/{workspace}/scripts/delete/p/{path}', {
    params: { path: { workspace, path } },
    parseAs: 'text',
  });
}

/** Runs the newest version at a path; the answer is the id of the run. */
export async function runByPath(workspace: string, path: string, args: Record<string, unknown>): Promise<string> {
  return data(
    api.POST('/api/w/{workspace}/jobs/run/p/{path}', {
      params: { path: { workspace, path } },
      body: args,
      parseAs: 'text',
    }),
  );
}

/** Runs code that is not deployed; the answer is the id of the run. */
export async function runPreview(workspace: string, body: components['schemas']['Preview']): Promise<string> {
  return data(
    api.POST('/api/w/{workspace}/jobs/run/preview', { params: { path: { workspace } }, body, parseAs: 'text' }),
  );
}

/** Runs the same code again; without arguments, with the same ones. The answer is the new run's id. */
export async function rerun(workspace: string, id: string, args?: Record<string, unknown>): Promise<string> {
  return data(
    api.POST('/api/w/{workspace}/jobs/rerun/{id}', {
      params: { path: { workspace, id } },
      body: args === undefined ? {} : { args },
      parseAs: 'text',
    }),
  );
}

/** Ends a run: at once when it waits, with its whole process tree when it runs. */
export async function cancel(workspace: string, id: string, reason = ''): Promise<void> {
  await api.POST('/api/w/{workspace}/jobs_u/queue/cancel/{id}', {
    params: { path: { workspace, id } },
    body: { reason },
    parseAs: 'text',
  });
}

/** One's drafts, newest first, without their content. */
export const draftsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ['drafts', workspace],
    // Every editor writes them, in other tabs too.
    staleTime: 0,
    queryFn: () => data(api.GET('/api/w/{workspace}/drafts/list', { params: { path: { workspace } } })),
  });

/** One's draft of the script at a path; undefined when there is none. The list is asked first: most scripts have none. */
export async function draft(
  workspace: string,
  path: string,
  list?: readonly { path: string }[],
): Promise<StoredDraft | undefined> {
  const known = list ?? (await data(api.GET('/api/w/{workspace}/drafts/list', { params: { path: { workspace } } })));
  if (!known.some((d) => d.path === path)) return undefined;
  const d = await data(api.GET('/api/w/{workspace}/drafts/script/{path}', { params: { path: { workspace, path } } }));
  const value = d.value as Partial<Draft> | undefined;
  // A draft is any JSON object to the server; another client may have written one that is no script.
  if (typeof value?.content !== 'string' || typeof value.language !== 'string') return undefined;
  return {
    updated_at: d.updated_at,
    value: { ...value, path, language: value.language, content: value.content, summary: value.summary ?? '' },
  };
}

export async function saveDraft(
  workspace: string,
  value: Draft,
  init: { signal?: AbortSignal; keepalive?: boolean } = {},
): Promise<void> {
  await api.PUT('/api/w/{workspace}/drafts/script/{path}', {
    params: { path: { workspace, path: value.path } },
    body: { ...value },
    ...init,
  });
}

export async function deleteDraft(workspace: string, path: string): Promise<void> {
  await api.DELETE('/api/w/{workspace}/drafts/script/{path}', { params: { path: { workspace, path } } });
}

/** Why a run is where it is, in a sentence; asked again whenever `marker` changes. */
export const whyQuery = (workspace: string, id: string, marker: string) =>
  queryOptions({
    queryKey: ['why', workspace, id, marker],
    queryFn: () => data(api.GET('/api/w/{workspace}/jobs_u/why/{id}', { params: { path: { workspace, id } } })),
  });
