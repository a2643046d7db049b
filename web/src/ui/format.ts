// Times, durations, sizes and counts in words, one way everywhere.

/** `1.4 ms`, `320 ms`, `3.2 s`, `2 m 10 s`, `1 h 5 m`, `3 d 2 h`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '–';
  if (ms === 0) return '0 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 59.95) return `${s < 10 ? s.toFixed(1) : s.toFixed(s < 20 ? 1 : 0)} s`;
  const whole = Math.round(s);
  const units: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor((whole % 86_400) / 3_600), 'h'],
    [Math.floor((whole % 3_600) / 60), 'm'],
    [whole % 60, 's'],
  ];
  const from = units.findIndex(([n]) => n > 0);
  const two = units.slice(from, from + 2).filter(([n], i) => i === 0 || n > 0);
  return two.map(([n, unit]) => `${n} ${unit}`).join(' ');
}

/** How long ago or how far ahead, short: `now`, `12 s ago`, `in 3 m`, `yesterday`, `4 d ago`, else the date. */
export function formatRelative(at: Date, now: Date): string {
  const s = Math.round((now.getTime() - at.getTime()) / 1000);
  const past = s >= 0;
  const abs = Math.abs(s);
  if (abs < 3) return 'now';
  const say = (n: number, unit: string) => (past ? `${n} ${unit} ago` : `in ${n} ${unit}`);
  if (abs < 60) return say(abs, 's');
  if (abs < 3600) return say(Math.floor(abs / 60), 'm');
  if (abs < 86_400) return say(Math.floor(abs / 3600), 'h');
  if (abs < 7 * 86_400) return say(Math.floor(abs / 86_400), 'd');
  const sameYear = at.getFullYear() === now.getFullYear();
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: sameYear ? undefined : 'numeric',
  }).format(at);
}

const exact = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  timeZoneName: 'short',
});

/** The exact time in the viewer's zone: `Tue, 24 Nov 2026, 14:03:12.345 CET`. */
export function formatExact(at: Date): string {
  return exact.format(at);
}

/** `0 B`, `830 B`, `1.2 KB`, `48 MB`; by 1024. */
export function formatBytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1`, `12,400`. */
export function formatCount(n: number): string {
  return n.toLocaleString('en-GB');
}

/** `1 row`, `3 rows`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}
