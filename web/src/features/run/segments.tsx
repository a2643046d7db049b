import { Tooltip } from '@mantine/core';
import { isFinal } from '~/api/jobs';
import type { Job } from '~/api/queries';
import { useNow } from '~/ui/clock';
import { formatDuration, formatExact } from '~/ui/format';
import { segmentsOf } from './job';
import classes from './run.module.css';

/** Where the time of a run went, as one bar and in words. */
export function Segments({ job }: { job: Job }) {
  const now = useNow();
  const list = segmentsOf(job, now);
  const live = !isFinal(job);
  const total = list.reduce((n, s) => n + s.ms, 0);
  const moments = [
    ['Queued', job.created_at],
    ['Started', job.started_at],
    ['Ended', job.completed_at],
  ] as const;
  const words = list.map((s) => `${s.name.toLowerCase()} ${formatDuration(s.ms)}`).join(', ');
  return (
    <Tooltip
      multiline
      label={
        <span className={classes.moments}>
          {moments.map(
            ([name, at]) =>
              at && (
                <span key={name}>
                  {name} {formatExact(new Date(at))}
                </span>
              ),
          )}
        </span>
      }
    >
      <div className={classes.segments} role="img" aria-label={`Time: ${words}`} tabIndex={0}>
        <div className={classes.bar} aria-hidden>
          {list.map((s) => (
            <span
              key={s.name}
              data-name={s.name}
              data-live={live || undefined}
              // Short stretches stay visible beside long ones.
              style={{ flexGrow: total === 0 ? 1 : Math.max(0.03, s.ms / total) }}
            />
          ))}
        </div>
        <div className={classes.legend} aria-hidden>
          {list.map((s) => (
            <span key={s.name}>
              <i data-name={s.name} />
              {s.name} <span className="mono">{formatDuration(s.ms)}</span>
            </span>
          ))}
        </div>
      </div>
    </Tooltip>
  );
}
