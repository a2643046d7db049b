import { api, data } from '~/api/client';

/** Runs the same code again; without arguments, with the same ones. The answer is the new run's id. */
export async function rerun(workspace: string, id: string, args?: unknown): Promise<string> {
  return data(
    api.POST('/api/w/{workspace}/jobs/rerun/{id}', {
      params: { path: { workspace, id } },
      body: args === undefined ? {} : { args },
      parseAs: 'text',
    }),
  ).then(idOf);
}

/** Ends a run: at once when it waits, with its whole process tree when it runs. */
export async function cancel(workspace: string, id: string, reason = ''): Promise<void> {
  await data(
    api.POST('/api/w/{workspace}/jobs_u/queue/cancel/{id}', {
      params: { path: { workspace, id } },
      body: { reason },
      parseAs: 'text',
    }),
  );
}

/** Ids are answered as plain text, by some paths as a JSON string. */
export function idOf(text: unknown): string {
  const s = String(text).trim();
  return s.startsWith('"') ? (JSON.parse(s) as string) : s;
}
