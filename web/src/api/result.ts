import { raw } from './client';

/** As much of a value as a page reads: tables and trees draw only what is seen of them. */
export const SHOWN = 8 << 20;

/** As much of one text as a page can lay out. */
export const SHOWN_TEXT = 2 << 20;

export interface LoadedValue {
  /** The JSON text, or the beginning of one that is too large to show. */
  text: string;
  whole: boolean;
  /** Bytes; undefined when the server did not say and not all was read. */
  size: number | undefined;
}

/** Where the result of a run is, for reading and for downloading. */
export function resultUrl(workspace: string, id: string): string {
  return `/api/w/${encodeURIComponent(workspace)}/jobs_u/completed/get_result/${encodeURIComponent(id)}`;
}

/** Where the arguments of a run are, as they were sent. */
export function argsUrl(workspace: string, id: string): string {
  return `/api/w/${encodeURIComponent(workspace)}/jobs_u/get_args/${encodeURIComponent(id)}`;
}

/** Reads a JSON value up to `limit` bytes, then hangs up: a page never holds what it cannot show. */
export async function loadValue(url: string, signal: AbortSignal, limit = SHOWN): Promise<LoadedValue> {
  const response = await raw(url, { signal });
  const length = response.headers.get('Content-Encoding')
    ? Number.NaN
    : Number(response.headers.get('Content-Length') ?? Number.NaN);
  const reader = response.body?.getReader();
  if (!reader) return { text: await response.text(), whole: true, size: Number.isNaN(length) ? undefined : length };
  const decoder = new TextDecoder();
  let text = '';
  let read = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), whole: true, size: read };
    read += value.length;
    text += decoder.decode(value, { stream: true });
    if (read > limit) {
      await reader.cancel();
      return { text, whole: false, size: Number.isNaN(length) ? undefined : length };
    }
  }
}
