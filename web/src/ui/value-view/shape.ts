/** How a value wants to be shown. A value with one known key asks for it; an array of objects is a table by itself. */
export type Shape =
  | { kind: 'json' }
  | { kind: 'text'; text: string }
  | { kind: 'table'; columns: string[]; rows: readonly unknown[]; cell: (row: number, column: number) => unknown }
  | { kind: 'image'; src: string; type: string }
  | { kind: 'markdown'; text: string }
  | { kind: 'html'; html: string }
  | { kind: 'file'; content: string; name: string; type: string }
  | { kind: 'error'; error: ErrorValue }
  | { kind: 'list'; items: readonly unknown[] };

export interface ErrorValue {
  name: string;
  message: string;
  stack: string;
  /** What else the thrown thing carried. */
  extra: Record<string, unknown>;
}

type Row = Record<string, unknown>;

const JSON_SHAPE: Shape = { kind: 'json' };

/** Only the first rows decide about the columns, so that a long table costs no more than a short one. */
const SAMPLE = 1000;
const MAX_COLUMNS = 200;

export function shapeOf(value: unknown): Shape {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (Array.isArray(value)) return objectsTable(value) ?? JSON_SHAPE;
  if (typeof value !== 'object' || value === null) return JSON_SHAPE;
  const keys = Object.keys(value);
  const first = keys[0];
  if (first === undefined) return JSON_SHAPE;
  if (first === 'error' && keys.length === 1) {
    const error = errorOf((value as Row).error);
    if (error) return { kind: 'error', error };
  }
  if (keys.length === 1) return single(first, (value as Row)[first]);
  // A file and an image may name themselves beside their content.
  if (keys.length === 2 && 'filename' in value) {
    const key = keys.find((k) => k !== 'filename') as string;
    return single(key, (value as Row)[key], String((value as Row).filename));
  }
  return JSON_SHAPE;
}

function single(key: string, v: unknown, name?: string): Shape {
  switch (key) {
    case 'png':
    case 'jpeg':
    case 'gif':
    case 'svg':
    case 'webp':
      return image(key, v) ?? JSON_SHAPE;
    case 'md':
    case 'markdown':
      return typeof v === 'string' ? { kind: 'markdown', text: v } : JSON_SHAPE;
    case 'html':
      return typeof v === 'string' ? { kind: 'html', html: v } : JSON_SHAPE;
    case 'pdf': {
      const content = contentOf(v);
      return content ? { kind: 'file', content, name: name ?? 'result.pdf', type: 'application/pdf' } : JSON_SHAPE;
    }
    case 'file': {
      const content = contentOf(v);
      if (!content) return JSON_SHAPE;
      const given = typeof v === 'object' && v !== null ? ((v as Row).filename ?? (v as Row).name) : undefined;
      return {
        kind: 'file',
        content,
        name: safeName(name ?? (typeof given === 'string' ? given : 'result')),
        type: 'application/octet-stream',
      };
    }
    case 'table-row-object':
      return Array.isArray(v) ? (objectsTable(v) ?? JSON_SHAPE) : JSON_SHAPE;
    case 'table-row':
      return rowsTable(v) ?? JSON_SHAPE;
    case 'table-col':
      return columnsTable(v) ?? JSON_SHAPE;
    case 'render_all':
      return Array.isArray(v) ? { kind: 'list', items: v } : JSON_SHAPE;
    default:
      return JSON_SHAPE;
  }
}

function contentOf(v: unknown): string | undefined {
  if (typeof v === 'string') return v;
  if (typeof v === 'object' && v !== null && typeof (v as Row).content === 'string')
    return (v as Row).content as string;
  return undefined;
}

const TYPES: Record<string, string> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  svg: 'image/svg+xml',
};

/** Pictures become data addresses of an <img>: there an SVG runs no script and loads nothing. */
function image(key: string, v: unknown): Shape | undefined {
  const content = contentOf(v);
  if (!content) return undefined;
  const type = TYPES[key] as string;
  if (key === 'svg' && content.trimStart().startsWith('<')) {
    return { kind: 'image', type, src: `data:${type};charset=utf-8,${encodeURIComponent(withNamespace(content))}` };
  }
  const data = content.replace(/^data:[^,]*,/, '').replace(/\s+/g, '');
  if (!isBase64(data)) return undefined;
  return { kind: 'image', type, src: `data:${type};base64,${data}` };
}

/** An <img> shows an SVG only with its namespace; inline fragments often leave it out. */
function withNamespace(svg: string): string {
  return /<svg[^>]*xmlns=/.test(svg) ? svg : svg.replace(/<svg\b/, '<svg xmlns="http://www.w3.org/2000/svg"');
}

export function isBase64(s: string): boolean {
  return s.length > 0 && /^[A-Za-z0-9+/_-]+={0,2}$/.test(s);
}

/** File names come from scripts: no path, no control characters, no direction overrides. */
export function safeName(name: string): string {
  const base = name.split(/[/\\]/).pop() ?? '';
  // they are what is taken out.
  const clean = base.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').trim();
  return clean === '' || clean === '.' || clean === '..' ? 'result' : clean.slice(0, 200);
}

function errorOf(v: unknown): ErrorValue | undefined {
  if (typeof v !== 'object' || v === null || Array.isArray(v)) return undefined;
  const { name, message, stack, ...extra } = v as Row;
  if (typeof message !== 'string' && typeof name !== 'string') return undefined;
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '',
    stack: typeof stack === 'string' ? stack : '',
    extra,
  };
}

function objectsTable(list: readonly unknown[]): Shape | undefined {
  if (list.length === 0) return undefined;
  let rows = list;
  let columns: string[] | undefined;
  // A first row of strings fixes which columns there are and their order.
  const head = list[0];
  if (Array.isArray(head)) {
    if (list.length < 2 || !head.every((h) => typeof h === 'string')) return undefined;
    rows = list.slice(1);
    columns = head as string[];
  }
  const names = new Set<string>();
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (typeof row !== 'object' || row === null || Array.isArray(row)) return undefined;
    if (i < SAMPLE) for (const k of Object.keys(row)) names.add(k);
  }
  const cols = columns ?? [...names].slice(0, MAX_COLUMNS);
  if (cols.length === 0) return undefined;
  return { kind: 'table', columns: cols, rows, cell: (r, c) => (rows[r] as Row)[cols[c] as string] };
}

function rowsTable(v: unknown): Shape | undefined {
  if (!Array.isArray(v) || v.length === 0 || !v.every(Array.isArray)) return undefined;
  const all = v as unknown[][];
  const head = all[0] as unknown[];
  const named = all.length > 1 && head.every((h) => typeof h === 'string');
  const rows = named ? all.slice(1) : all;
  const width = Math.min(MAX_COLUMNS, Math.max(...rows.slice(0, SAMPLE).map((r) => r.length), head.length));
  const columns = Array.from({ length: width }, (_, i) => (named && i < head.length ? String(head[i]) : `${i + 1}`));
  return { kind: 'table', columns, rows, cell: (r, c) => (rows[r] as unknown[])[c] };
}

function columnsTable(v: unknown): Shape | undefined {
  if (typeof v !== 'object' || v === null || Array.isArray(v)) return undefined;
  const entries = Object.entries(v).filter((e): e is [string, unknown[]] => Array.isArray(e[1]));
  if (entries.length === 0 || entries.length !== Object.keys(v).length) return undefined;
  const shown = entries.slice(0, MAX_COLUMNS);
  const length = shown.reduce((n, [, list]) => Math.max(n, list.length), 0);
  return {
    kind: 'table',
    columns: shown.map(([name]) => name),
    rows: { length } as unknown as readonly unknown[],
    cell: (r, c) => (shown[c] as [string, unknown[]])[1][r],
  };
}
