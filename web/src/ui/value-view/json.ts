/** JSON that keeps integers of any size: those a number cannot hold become BigInt, and are written back as they came. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;
  const revive: Reviver = (_key, value, context) =>
    typeof value === 'number' && context?.source && /^-?\d{16,}$/.test(context.source) && !Number.isSafeInteger(value)
      ? BigInt(context.source)
      : value;
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

const MARK = '\u0001big:';

export function formatJson(value: unknown, indent = 2): string {
  let big = false;
  const text = JSON.stringify(
    value,
    (_key, v: unknown) => {
      if (typeof v !== 'bigint') return v;
      big = true;
      return MARK + v.toString();
    },
    indent,
  );
  if (text === undefined) return '';
  return big ? text.replace(/"\\u0001big:(-?\d+)"/g, '$1') : text;
}

/** A short text for one value, for cells and closed branches. */
export function preview(value: unknown, limit = 120): string {
  if (typeof value === 'string') return cut(value, limit);
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.length.toLocaleString()}]`;
  const keys = Object.keys(value);
  return keys.length === 0 ? '{}' : cut(`{${keys.slice(0, 6).join(', ')}${keys.length > 6 ? ', …' : ''}}`, limit);
}

function cut(s: string, limit: number): string {
  return s.length > limit ? `${s.slice(0, limit)}…` : s;
}

/** The path of a value in the way code writes it: `orders[0].customer["first name"]`. */
export function pathText(path: readonly (string | number)[]): string {
  let out = '';
  for (const p of path) {
    if (typeof p === 'number') out += `[${p}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(p)) out += out === '' ? p : `.${p}`;
    else out += `[${JSON.stringify(p)}]`;
  }
  return out;
}

export function bytesText(n: number): string {
  if (n < 1024) return `${n} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let v = n / 1024;
  let u = 0;
  while (v >= 1024 && u < units.length - 1) {
    v /= 1024;
    u++;
  }
  return `${v < 10 ? v.toFixed(1) : Math.round(v)} ${units[u]}`;
}
