import { IconServer2 } from '@tabler/icons-react';
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useNotesSettled } from '~/api/live';
import { type Worker, workersQuery } from '~/api/queries';
import { formatCount, plural } from '~/ui/format';
import { Page } from '~/ui/page';
import { usePlace } from '~/ui/place';
import { CopyId, Empty } from '~/ui/states';
import { StatusPill } from '~/ui/status-pill';
import { Time } from '~/ui/time';
import styles from './workers.module.css';

// A worker reports every few seconds; silent for longer than this, it is called so.
const SILENT_S = 30;
// Reports of workers make no notes, so an open page looks by itself, slowly.
const LOOK_MS = 10_000;

/** The workers that are alive, by group: what they serve and how busy they are. */
export function WorkersPage() {
  usePlace('Workers');
  const client = useQueryClient();
  const { data: workers } = useSuspenseQuery(workersQuery);
  const look = () => void client.invalidateQueries({ queryKey: workersQuery.queryKey });
  useNotesSettled(['started', 'done'], look);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) void client.invalidateQueries({ queryKey: workersQuery.queryKey });
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [client]);

  const groups = [...new Set(workers.map((w) => w.worker_group))].sort();
  const slots = workers.reduce((n, w) => n + w.slots, 0);
  const busy = workers.reduce((n, w) => n + w.running, 0);
  return (
    <Page
      title="Workers"
      sub={workers.length > 0 && `${plural(workers.length, 'worker')}, ${busy} of ${plural(slots, 'slot')} busy`}
      scroll
    >
      {workers.length === 0 && (
        <Empty icon={IconServer2} title="No worker is alive">
          Workers take jobs from the queue and run them; until one comes, jobs wait. Start one with{' '}
          <code>tidemill start</code>, or <code>tidemill worker --database-url …</code> on another machine.
        </Empty>
      )}
      {groups.map((g) => (
        <section key={g} aria-label={`Group ${g || 'default'}`}>
          {groups.length > 1 && <div className={styles.group}>{g || 'default'}</div>}
          <div className={styles.tiles}>
            {workers
              .filter((w) => w.worker_group === g)
              .map((w) => (
                <Tile key={w.worker} worker={w} />
              ))}
          </div>
        </section>
      ))}
    </Page>
  );
}

function Tile({ worker: w }: { worker: Worker }) {
  const silent = w.last_ping > SILENT_S;
  return (
    <article className={styles.tile} data-silent={silent || undefined}>
      <div className={styles.head}>
        <div>
          <div className={styles.name}>{w.worker_instance}</div>
          <CopyId id={w.worker} short={12} />
        </div>
        <StatusPill
          status={silent ? 'warning' : w.running > 0 ? 'running' : 'success'}
          word={silent ? `Silent for ${w.last_ping} s` : w.running > 0 ? 'Busy' : 'Ready'}
        />
      </div>
      <div className={styles.slots} role="img" aria-label={`${w.running} of ${plural(w.slots, 'slot')} busy`}>
        {Array.from({ length: Math.min(w.slots, 64) }, (_, i) => (
          // Slots have no identity of their own.
          <span key={`slot-${String(i)}`} className={styles.slot} data-busy={i < w.running || undefined} />
        ))}
      </div>
      <div className={styles.facts}>
        {formatCount(w.jobs_executed)} {w.jobs_executed === 1 ? 'job' : 'jobs'} done · up since{' '}
        <Time at={w.started_at} /> · {w.wm_version}
        {w.job_isolation && ` · isolation: ${w.job_isolation}`}
      </div>
      <div className={styles.tags} role="list" aria-label="Tags">
        {w.custom_tags.map((t) => (
          <span key={t} className={`${styles.tag} mono`} role="listitem">
            {t}
          </span>
        ))}
      </div>
    </article>
  );
}
