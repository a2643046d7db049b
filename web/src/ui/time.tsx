import { Tooltip } from '@mantine/core';
import { useNow } from './clock';
import { formatDuration, formatExact, formatRelative } from './format';

/** A moment, told relative to now; the exact time on hover and to screen readers. */
export function Time({ at, className }: { at: string | number | Date; className?: string }) {
  const now = useNow();
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span className={className}>–</span>;
  const full = formatExact(date);
  return (
    <Tooltip label={full}>
      <time dateTime={date.toISOString()} className={className} data-exact={full}>
        {formatRelative(date, new Date(now))}
      </time>
    </Tooltip>
  );
}

/** How long something took; without `ms`, how long it has taken since `since`, ticking. */
export function Duration({ ms, since, className }: { ms?: number; since?: string; className?: string }) {
  if (ms !== undefined) return <span className={className ?? 'mono'}>{formatDuration(ms)}</span>;
  if (since) return <Ticking since={since} className={className} />;
  return <span className={className}>–</span>;
}

function Ticking({ since, className }: { since: string; className?: string }) {
  const now = useNow();
  const seconds = Math.max(0, Math.floor((now - new Date(since).getTime()) / 1000));
  return <span className={className ?? 'mono'}>{seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000)}</span>;
}
