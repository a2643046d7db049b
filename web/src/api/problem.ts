// What the server says when it cannot do what was asked: problem+json (RFC 9457) with a hint and the fields at fault.

/** One wrong place in the input. */
export type ProblemField = { path: string; message: string };

/** An answer that is no success, in words a person can act on. */
export class Problem extends Error {
  readonly status: number;
  /** What to do about it; may be empty. */
  readonly hint: string;
  readonly fields: ProblemField[];
  /** Names this answer in the server's log. */
  readonly requestId: string;

  constructor(status: number, message: string, hint = '', fields: ProblemField[] = [], requestId = '') {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.hint = hint;
    this.fields = fields;
    this.requestId = requestId;
  }
}

/** Reads an answer that is no success. Never throws: a body that cannot be read becomes a sentence of ours. */
export async function readProblem(response: Response): Promise<Problem> {
  const id = response.headers.get('X-Request-Id') ?? '';
  const text = await response.text().catch(() => '');
  return problemOf(response.status, text, id);
}

export function problemOf(status: number, text: string, id: string): Problem {
  try {
    const body: unknown = JSON.parse(text);
    if (isRecord(body)) {
      const fields = Array.isArray(body.errors) ? body.errors.filter(isRecord).map(fieldOf) : [];
      const message = str(body.detail) || str(body.title) || byStatus(status);
      return new Problem(status, sentence(message), sentence(str(body.hint)), fields, str(body.request_id) || id);
    }
  } catch {
    // Not JSON: a proxy or an old client route answered.
  }
  const plain = text.length > 0 && text.length < 300 && !text.startsWith('<') ? text : byStatus(status);
  return new Problem(status, sentence(plain), '', [], id);
}

/** Turns whatever was thrown into a Problem: a failed fetch means that the server could not be reached. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (
    (error instanceof TypeError && /fetch|network|load failed|importing a module/i.test(error.message)) ||
    (error instanceof Error && error.message.startsWith('Unable to preload CSS'))
  ) {
    return new Problem(
      0,
      'The server cannot be reached.',
      'Check that it runs and that you are connected, then try again.',
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  return new Problem(
    -1,
    'This page ran into an error of its own.',
    `Reload the page. If it happens again, report: ${message}`,
  );
}

function fieldOf(e: Record<string, unknown>): ProblemField {
  return { path: str(e.location).replace(/^body\./, ''), message: str(e.message) };
}

function byStatus(status: number): string {
  switch (status) {
    case 401:
      return 'You are not signed in.';
    case 403:
      return 'You may not do this.';
    case 404:
      return 'There is no such thing here, or you may not see it.';
    case 409:
      return 'Somebody else changed this first.';
    case 502:
    case 503:
    case 504:
      return 'The server cannot answer now.';
    default:
      return `The server answered with status ${status}.`;
  }
}

function sentence(s: string): string {
  const t = s.trim();
  if (t === '') return '';
  // A path or a name of code that begins the sentence stays as it is written.
  const word = /^[a-z]+(?=[\s,.;:!?]|$)/.test(t);
  const capital = word ? t.charAt(0).toUpperCase() + t.slice(1) : t;
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function str(v: unknown): string {
  return typeof v === 'string' ? v : '';
}
