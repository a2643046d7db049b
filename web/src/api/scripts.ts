import { queryOptions } from '@tanstack/react-query';
import { raw } from './client';
import type { Script } from './queries';

export interface Imports {
  requirements: string[];
  scripts: string[];
}

/** What the entry point of a source takes; with an error, what could not be read. */
export interface Signature {
  schema?: unknown;
  no_main?: boolean;
  has_preprocessor?: boolean;
  streams?: boolean;
  doc?: string;
  imports?: Imports;
  error?: { line: number; column: number; message: string };
}

export interface Version {
  script_hash: string;
  deployment_msg?: string;
  created_at: string;
  created_by: string;
  summary?: string;
  archived?: boolean;
  deleted?: boolean;
}

/** What a person works on and has not deployed. */
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
  path: string;
  value: Draft;
  updated_at: string;
}

export interface NewVersion {
  path: string;
  content: string;
  language: string;
  summary: string;
  description?: string;
  kind?: string;
  parent_hash?: string;
  auto_parent?: boolean;
  deployment_message?: string;
}

const ws = (workspace: string) => `/api/w/${encodeURIComponent(workspace)}`;
const slashes = (path: string) => path.split('/').map(encodeURIComponent).join('/');
const json = (method: string, body: unknown, signal?: AbortSignal): RequestInit => ({
  method,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
  signal,
});

export async function signature(
  workspace: string,
  language: string,
  content: string,
  path: string,
  signal?: AbortSignal,
): Promise<Signature> {
  const body = path === '' ? { language, content } : { language, content, path };
  return (await raw(`${ws(workspace)}/scripts/signature`, json('POST', body, signal))).json();
}

export const versionQuery = (workspace: string, hash: string) =>
  queryOptions({
    queryKey: ['version', workspace, hash],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<Script> => (await raw(`${ws(workspace)}/scripts/get/h/${hash}`)).json(),
  });

export const historyQuery = (workspace: string, path: string) =>
  queryOptions({
    queryKey: ['script', workspace, path, 'history'],
    queryFn: async (): Promise<Version[]> => (await raw(`${ws(workspace)}/scripts/history/p/${slashes(path)}`)).json(),
  });

/** Deploys a version; the answer is its hash. */
export async function deploy(workspace: string, version: NewVersion): Promise<string> {
  return textOf(await raw(`${ws(workspace)}/scripts/create`, json('POST', version)));
}

export async function archive(workspace: string, path: string): Promise<void> {
  await raw(`${ws(workspace)}/scripts/archive/p/${slashes(path)}`, { method: 'POST' });
}

export async function remove(workspace: string, path: string): Promise<void> {
  await raw(`${ws(workspace)}/scripts/delete/p/${slashes(path)}`, { method: 'POST' });
}

/** Runs the newest version at a path; the answer is the id of the run. */
export async function runByPath(workspace: string, path: string, args: unknown): Promise<string> {
  return textOf(await raw(`${ws(workspace)}/jobs/run/p/${slashes(path)}`, json('POST', args)));
}

export interface Preview {
  language: string;
  content: string;
  path?: string;
  args: unknown;
}

/** Runs code that is not deployed; the answer is the id of the run. */
export async function runPreview(workspace: string, preview: Preview): Promise<string> {
  return textOf(await raw(`${ws(workspace)}/jobs/run/preview`, json('POST', preview)));
}

/** One's draft of the script at a path; null when there is none. */
export async function draft(workspace: string, path: string): Promise<StoredDraft | null> {
  const response = await fetch(`${ws(workspace)}/drafts/script/${slashes(path)}`);
  if (response.status === 404) return null;
  if (!response.ok) await raw(`${ws(workspace)}/drafts/script/${slashes(path)}`);
  return response.json();
}

export async function saveDraft(workspace: string, value: Draft, path: string, signal?: AbortSignal): Promise<void> {
  await raw(`${ws(workspace)}/drafts/script/${slashes(path)}`, json('PUT', { value }, signal));
}

export async function deleteDraft(workspace: string, path: string): Promise<void> {
  await raw(`${ws(workspace)}/drafts/script/${slashes(path)}`, { method: 'DELETE' });
}

/** Why a run is where it is, in a sentence. */
export const whyQuery = (workspace: string, id: string, marker: string) =>
  queryOptions({
    queryKey: ['why', workspace, id, marker],
    queryFn: async (): Promise<{ reason: string }> => (await raw(`${ws(workspace)}/jobs_u/why/${id}`)).json(),
  });

/** Ids and hashes are answered as plain text, by some servers as a JSON string. */
async function textOf(response: Response): Promise<string> {
  const s = (await response.text()).trim();
  return s.startsWith('"') ? (JSON.parse(s) as string) : s;
}
