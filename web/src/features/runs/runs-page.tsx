import { ActionIcon, Button, Switch } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconBan, IconFilter, IconPlayerPlay } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { api } from '~/api/client';
import { isFinal, jobKind, jobReason, jobState, jobTitle, whyNoCancel } from '~/api/jobs';
import { useLanguages } from '~/api/languages';
import { asProblem } from '~/api/problem';
import type { Job, JobFilter } from '~/api/queries';
import { ActionIconButton } from '~/ui/actions';
import { FilterField } from '~/ui/filter-field';
import { plural } from '~/ui/format';
import { NamedIcon } from '~/ui/named-icon';
import { LinkButton } from '~/ui/link-button';
import { Page } from '~/ui/page';
import { usePlace } from '~/ui/place';
import { Empty } from '~/ui/states';
import { StatusPill } from '~/ui/status-pill';
import { type Column, Table } from '~/ui/table';
import { Duration, Time } from '~/ui/time';
import { toastDone, toastFailed } from '~/ui/toast';
import styles from './runs.module.css';
import { useRuns } from './use-runs';

const states: { value: JobFilter['status']; title: string }[] = [
  { value: undefined, title: 'All' },
  { value: 'queued', title: 'Queued' },
  { value: 'running', title: 'Running' },
  { value: 'success', title: 'Success' },
  { value: 'failure', title: 'Failed' },
  { value: 'canceled', title: 'Cancelled' },
];

/** All runs of the workspace, newest first, live. What is shown stands in the address. */
export function RunsPage({ workspace, filter }: { workspace: string; filter: JobFilter }) {
  usePlace('Runs');
  const navigate = useNavigate();
  const list = useRef<HTMLDivElement>(null);
  const runs = useRuns(workspace, filter, () => (scrollerOf(list.current)?.scrollTop ?? 0) > 24);
  const [path, setPath] = useState(filter.path ?? '');
  const change = (next: JobFilter) =>
    void navigate({ to: '/w/$workspace/runs', params: { workspace }, search: { ...filter, ...next }, replace: true });
  const changePath = useDebouncedCallback((p: string) => change({ path: p.trim() || undefined }), 250);
  const filtered = Boolean(filter.status ?? filter.path ?? filter.script ?? filter.by);
  const clear = () => {
    setPath('');
    void navigate({ to: '/w/$workspace/runs', params: { workspace }, search: { kinds: filter.kinds } });
  };
  const columns = useColumns(
    workspace,
    (by) => change({ by }),
    filter.script ? undefined : (script) => change({ script }),
    () => void runs.look(),
  );

  return (
    <Page
      title="Runs"
      tools={
        <>
          <FilterField
            label="Filter by path"
            placeholder="Path, like f/billing"
            value={path}
            width={240}
            onChange={(p) => {
              setPath(p);
              changePath(p);
            }}
          />
          <div className={styles.states} role="group" aria-label="Status">
            {states.map((s) => (
              <button
                key={s.title}
                type="button"
                className={styles.state}
                aria-pressed={filter.status === s.value}
                onClick={() => change({ status: s.value })}
              >
                {s.title}
              </button>
            ))}
          </div>
          <Switch
            size="xs"
            label="Dependency jobs too"
            checked={filter.kinds === 'all'}
            onChange={(e) => change({ kinds: e.currentTarget.checked ? 'all' : undefined })}
          />
          {filter.script && (
            <Button
              size="xs"
              variant="light"
              title={`${filter.script}: show the runs of all scripts`}
              className={styles.chosen}
              onClick={() => change({ script: undefined })}
            >
              Of {filter.script} ×
            </Button>
          )}
          {filter.by && (
            <Button size="xs" variant="light" onClick={() => change({ by: undefined })}>
              By {filter.by} ×
            </Button>
          )}
        </>
      }
    >
      <div ref={list} className={styles.list}>
        {runs.held > 0 && (
          <button
            type="button"
            className={styles.fresh}
            onClick={() => {
              runs.showHeld();
              scrollerOf(list.current)?.scrollTo({ top: 0 });
            }}
          >
            ↑ {plural(runs.held, 'new run')}
          </button>
        )}
        {runs.rows.length > 0 ? (
          <Table
            label="Runs"
            rows={runs.rows}
            rowKey={(j) => j.id}
            columns={columns}
            isFresh={runs.isFresh}
            onOpen={(j) => void navigate({ to: '/w/$workspace/runs/$id', params: { workspace, id: j.id } })}
            onEnd={runs.more}
            foot={runs.hasMore ? 'Loading more…' : `That is all: ${plural(runs.rows.length, 'run')}.`}
          />
        ) : filtered ? (
          <Empty icon={IconPlayerPlay} title="No run fits" actions={<Button onClick={clear}>Clear the filters</Button>}>
            The list shows runs whose path, status and person fit what is chosen above.
          </Empty>
        ) : (
          <Empty
            icon={IconPlayerPlay}
            title="Nothing has run yet"
            actions={
              <LinkButton
                to="/w/$workspace/scripts/new"
                params={{ workspace }}
                search={{ sample: 'hello' }}
                variant="filled"
              >
                Run a sample
              </LinkButton>
            }
          >
            Every run of a script shows here as it happens, with its log and result.
          </Empty>
        )}
      </div>
    </Page>
  );
}

function scrollerOf(list: HTMLElement | null): HTMLElement | null | undefined {
  return list?.querySelector<HTMLElement>('[data-scroller]');
}

function useColumns(
  workspace: string,
  onPerson: (by: string) => void,
  onScript: ((path: string) => void) | undefined,
  onChanged: () => void,
): Column<Job>[] {
  const language = useLanguages();
  return [
    {
      id: 'state',
      title: 'Status',
      width: '16px',
      until: 480,
      silent: true,
      cell: (j) => <StatusPill status={jobState(j)} iconOnly />,
    },
    {
      id: 'status',
      title: 'Status',
      width: '96px',
      from: 480,
      cell: (j) => <StatusPill status={jobState(j)} />,
    },
    {
      id: 'language',
      title: 'Language',
      width: '20px',
      from: 480,
      silent: true,
      cell: (j) => (
        <NamedIcon name={language(j.language)?.icon ?? ''} label={language(j.language)?.title ?? j.language ?? ''} />
      ),
    },
    {
      id: 'path',
      title: 'What',
      width: 'minmax(0, 3fr)',
      cell: (j) => (
        <span className={styles.name}>
          <Link to="/w/$workspace/runs/$id" params={{ workspace, id: j.id }} title={jobTitle(j)} tabIndex={-1}>
            {jobTitle(j)}
          </Link>
          {jobKind(j) && <span className={styles.kind}>{jobKind(j)}</span>}
          {onScript && j.script_path && (
            <ActionIcon
              size={24}
              className={styles.only}
              aria-label={`Only runs of ${j.script_path}`}
              title={`Only runs of ${j.script_path}`}
              onClick={() => onScript(j.script_path ?? '')}
              tabIndex={-1}
            >
              <IconFilter size={14} aria-hidden />
            </ActionIcon>
          )}
        </span>
      ),
    },
    {
      id: 'reason',
      title: 'Why',
      width: 'minmax(0, 2fr)',
      from: 1040,
      cell: (j) => (
        <span className="quiet" title={jobReason(j)}>
          {jobReason(j)}
        </span>
      ),
    },
    {
      id: 'by',
      title: 'By',
      width: '120px',
      from: 780,
      cell: (j) => (
        <button
          type="button"
          className={styles.person}
          title={`Only runs by ${j.created_by}`}
          onClick={() => onPerson(j.created_by)}
          tabIndex={-1}
        >
          {j.created_by}
        </button>
      ),
    },
    {
      id: 'trigger',
      title: 'From',
      width: '70px',
      from: 900,
      cell: (j) => <span className="quiet">{j.trigger_kind ?? ''}</span>,
    },
    {
      id: 'duration',
      title: 'Took',
      width: '76px',
      align: 'end',
      from: 420,
      cell: (j) =>
        isFinal(j) ? (
          <Duration ms={j.duration_ms ?? 0} />
        ) : (
          <Duration since={jobState(j) === 'running' ? j.started_at : undefined} />
        ),
    },
    {
      id: 'when',
      title: 'When',
      width: '76px',
      align: 'end',
      cell: (j) => <Time at={j.created_at} className="quiet" />,
    },
    {
      id: 'cancel',
      title: 'Cancel',
      width: '28px',
      silent: true,
      from: 360,
      cell: (j) => <CancelButton workspace={workspace} job={j} onDone={onChanged} />,
    },
  ];
}

function CancelButton({ workspace, job, onDone }: { workspace: string; job: Job; onDone: () => void }) {
  if (isFinal(job)) return null;
  const cancel = async () => {
    try {
      await api.POST('/api/w/{workspace}/jobs_u/queue/cancel/{id}', {
        params: { path: { workspace, id: job.id } },
        body: { reason: 'cancelled from the list of runs' },
        parseAs: 'text',
      });
      toastDone(`Cancelling ${jobTitle(job)}`);
      onDone();
    } catch (error) {
      toastFailed('Not cancelled', asProblem(error));
    }
  };
  return (
    <ActionIconButton
      size={26}
      action={{
        id: `cancel-${job.id}`,
        title: 'Cancel',
        icon: IconBan,
        danger: true,
        disabled: whyNoCancel(job),
        run: () => void cancel(),
      }}
    />
  );
}
