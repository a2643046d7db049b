import createClient, { type Middleware } from 'openapi-fetch';
import { Problem, readProblem } from './problem';
import type { paths } from './schema.gen';

// The server refuses state-changing calls by cookie that lack this header: a foreign page cannot send it.
const CSRF = { 'X-Tidemill-CSRF': '1' };

const throwing: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await readProblem(response);
    return undefined;
  },
};

// Paths of scripts keep their slashes in URLs, as the server's routes want them; openapi-fetch would escape them.
function pathSerializer(path: string, params: Record<string, unknown>): string {
  return path.replace(/\{([^}]+)\}/g, (_, name: string) =>
    String(params[name] ?? '')
      .split('/')
      .map(encodeURIComponent)
      .join('/'),
  );
}

/** The API, typed from docs/openapi.json. Every call that is no success throws a Problem. */
export const api = createClient<paths>({ baseUrl: '/', headers: CSRF, pathSerializer });
api.use(throwing);

/** The data of a call; failures were thrown before. */
export async function data<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const answer = await call;
  return answer.data as T;
}

/** A call outside the typed client: streams and raw bodies. Throws a Problem like the client does. */
export async function raw(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: { ...CSRF, ...init.headers } });
  if (!response.ok) throw await readProblem(response);
  return response;
}

/** Whether the failure means that nobody is signed in. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof Problem && error.status === 401;
}
