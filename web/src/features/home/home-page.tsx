import { ActionIcon, Button, Menu } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import {
  IconArchive,
  IconChevronDown,
  IconCode,
  IconDotsVertical,
  IconPencil,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { api } from '~/api/client';
import { jobState } from '~/api/jobs';
import { useLanguages } from '~/api/languages';
import { useNotesSettled } from '~/api/live';
import { asProblem } from '~/api/problem';
import { type Job, languagesQuery, memberQuery, recentJobsQuery, type Script, scriptsQuery } from '~/api/queries';
import { type Action, ActionMenuItem } from '~/ui/actions';
import { ConfirmByTyping } from '~/ui/confirm';
import { FilterField } from '~/ui/filter-field';
import { plural } from '~/ui/format';
import { NamedIcon } from '~/ui/named-icon';
import { LinkButton } from '~/ui/link-button';
import { Page } from '~/ui/page';
import { usePlace } from '~/ui/place';
import { search } from '~/ui/search';
import { Empty } from '~/ui/states';
import { StatusPill, statusWord } from '~/ui/status-pill';
import { type Column, type Sort, Table } from '~/ui/table';
import { Time } from '~/ui/time';
import { toastDone, toastFailed } from '~/ui/toast';
import { firstSteps } from './first-run';
import { Drafts } from './drafts';
import { FirstRunCard } from './first-run-card';
import styles from './home.module.css';

/** Everything in the workspace, in one table that filters as one types. */
export function HomePage({ workspace, query }: { workspace: string; query: string }) {
  usePlace('Home');
  const navigate = useNavigate();
  const { data: scripts } = useSuspenseQuery(scriptsQuery(workspace));
  const { data: jobs = noJobs } = useQuery(recentJobsQuery(workspace));
  const [sort, setSort] = useLocalStorage<Sort>({
    key: 'ui.home.sort',
    defaultValue: { by: 'edited', down: true },
    getInitialValueInEffect: false,
  });
  const client = useQueryClient();
  useNotesSettled(['queued', 'done'], () => void client.invalidateQueries({ queryKey: ['recent-jobs', workspace] }));

  const runs = useMemo(() => runsByPath(jobs), [jobs]);
  const rows = useMemo(
    () => (query.trim() === '' ? sorted(scripts, sort, runs) : search(query, scripts, (s) => `${s.path} ${s.summary}`)),
    [query, scripts, sort, runs],
  );
  const [deleting, setDeleting] = useState<Script>();
  const columns = useColumns(workspace, runs, setDeleting);
  const setQuery = (q: string) =>
    void navigate({ to: '/w/$workspace', params: { workspace }, search: { q: q || undefined }, replace: true });
  const openScript = (s: Script) =>
    void navigate({ to: '/w/$workspace/scripts/get/$', params: { workspace, _splat: s.path } });

  return (
    <Page
      title="Home"
      actions={<NewMenu workspace={workspace} />}
      tools={
        scripts.length > 0 && (
          <>
            <FilterField
              label="Filter scripts"
              value={query}
              onChange={setQuery}
              onKeyDown={(e) => {
                const [first] = rows;
                if (e.key === 'Enter' && first) openScript(first);
              }}
            />
            <span className={styles.count} role="status">
              {query ? `${rows.length} of ${plural(scripts.length, 'script')}` : plural(scripts.length, 'script')}
            </span>
          </>
        )
      }
    >
      <FirstRun workspace={workspace} scripts={scripts} jobs={jobs} />
      {query === '' && <Drafts workspace={workspace} scripts={scripts} />}
      {rows.length > 0 ? (
        <Table
          label="Scripts"
          rows={rows}
          rowKey={(s) => s.path}
          columns={columns}
          rowHeight={48}
          onOpen={openScript}
          sort={query ? undefined : sort}
          onSort={setSort}
        />
      ) : scripts.length > 0 ? (
        <Empty
          title={`Nothing is called “${query}”`}
          actions={<Button onClick={() => setQuery('')}>Clear the filter</Button>}
        >
          The filter looks at paths and summaries.
        </Empty>
      ) : (
        <Empty
          icon={IconCode}
          title="No scripts yet"
          actions={
            <LinkButton
              to="/w/$workspace/scripts/new"
              params={{ workspace }}
              search={{ sample: 'hello' }}
              variant="filled"
            >
              Start from a sample
            </LinkButton>
          }
        >
          Scripts, and later flows and apps, of this workspace live here.
        </Empty>
      )}
      <DeleteScript workspace={workspace} script={deleting} onClose={() => setDeleting(undefined)} />
    </Page>
  );
}

const noJobs: Job[] = [];

function NewMenu({ workspace }: { workspace: string }) {
  const navigate = useNavigate();
  const { data: languages = [] } = useQuery(languagesQuery);
  const open = (lang?: string) =>
    void navigate({ to: '/w/$workspace/scripts/new', params: { workspace }, search: lang ? { language: lang } : {} });
  return (
    <Menu width={220}>
      <Menu.Target>
        <Button
          variant="filled"
          leftSection={<IconPlus size={16} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
        >
          New
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Script</Menu.Label>
        {languages.map((l) => (
          <Menu.Item key={l.id} leftSection={<NamedIcon name={l.icon} />} onClick={() => open(l.id)}>
            {l.title}
          </Menu.Item>
        ))}
        {languages.length === 0 && <Menu.Item onClick={() => open()}>Script</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

function FirstRun({ workspace, scripts, jobs }: { workspace: string; scripts: Script[]; jobs: Job[] }) {
  const [hidden, setHidden] = useLocalStorage({
    key: 'ui.first-steps.hidden',
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  const { data: member } = useQuery(memberQuery(workspace));
  const { data: languages } = useQuery(languagesQuery);
  if (hidden || !member) return null;
  const steps = firstSteps(member, scripts, jobs);
  if (steps.every((s) => s.done)) return null;
  return (
    <FirstRunCard
      workspace={workspace}
      steps={steps}
      sample={languages?.[0]?.templates.script}
      onClose={() => setHidden(true)}
    />
  );
}

function useColumns(workspace: string, runs: Map<string, Job[]>, onDelete: (s: Script) => void): Column<Script>[] {
  const language = useLanguages();
  return [
    {
      id: 'language',
      title: 'Language',
      width: '20px',
      silent: true,
      cell: (s) => (
        <NamedIcon name={language(s.language)?.icon ?? ''} label={language(s.language)?.title ?? s.language} />
      ),
    },
    {
      id: 'name',
      title: 'Name',
      width: 'minmax(0, 3fr)',
      sortable: true,
      cell: (s) => (
        <span className={styles.name}>
          <Link
            to="/w/$workspace/scripts/get/$"
            params={{ workspace, _splat: s.path }}
            className={styles.title}
            title={s.summary || undefined}
            tabIndex={-1}
          >
            {s.summary || lastPart(s.path)}
          </Link>
          <span className={styles.path} title={s.path}>
            {s.path}
          </span>
        </span>
      ),
    },
    {
      id: 'last',
      title: 'Last run',
      width: '150px',
      from: 520,
      sortable: true,
      cell: (s) => <LastRun workspace={workspace} jobs={runs.get(s.path) ?? noJobs} />,
    },
    {
      id: 'history',
      title: 'Last 20 runs',
      width: '130px',
      from: 860,
      cell: (s) => <RunBars jobs={runs.get(s.path) ?? noJobs} />,
    },
    {
      id: 'edited',
      title: 'Edited',
      width: '90px',
      from: 420,
      sortable: true,
      cell: (s) => <Time at={s.created_at} className="quiet" />,
    },
    {
      id: 'by',
      title: 'By',
      width: 'minmax(0, 1fr)',
      from: 980,
      cell: (s) => (
        <span className="quiet" title={s.created_by}>
          {s.created_by}
        </span>
      ),
    },
    {
      id: 'more',
      title: 'More',
      width: '32px',
      silent: true,
      cell: (s) => <RowMenu workspace={workspace} script={s} onDelete={() => onDelete(s)} />,
    },
  ];
}

function LastRun({ workspace, jobs }: { workspace: string; jobs: Job[] }) {
  const [job] = jobs;
  if (!job) return <span className="quiet">never run</span>;
  return (
    <Link to="/w/$workspace/runs/$id" params={{ workspace, id: job.id }} className={styles.last} tabIndex={-1}>
      <StatusPill status={jobState(job)} iconOnly />
      <Time at={job.started_at ?? job.created_at} />
    </Link>
  );
}

/** The last 20 runs, oldest first: height is the duration, colour the outcome. */
function RunBars({ jobs }: { jobs: Job[] }) {
  const last = jobs.slice(0, 20).reverse();
  if (last.length === 0) return null;
  const longest = Math.max(...last.map((j) => j.duration_ms ?? 0), 1);
  const failed = last.filter((j) => jobState(j) === 'failed').length;
  return (
    <span
      className={styles.runs}
      role="img"
      aria-label={`${plural(last.length, 'run')}, ${failed} ${statusWord('failed').toLowerCase()}`}
    >
      {last.map((j) => {
        // Short runs must be seen too.
        const height = 4 + Math.round(12 * Math.sqrt((j.duration_ms ?? 0) / longest));
        return <i key={j.id} style={{ height, background: `var(--${jobState(j)})` }} />;
      })}
    </span>
  );
}

function RowMenu({ workspace, script, onDelete }: { workspace: string; script: Script; onDelete: () => void }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const archive = useMutation({
    mutationFn: () =>
      api.POST('/api/w/{workspace}/scripts/archive/p/{path}', {
        params: { path: { workspace, path: script.path } },
        parseAs: 'text',
      }),
    onSuccess: () => {
      toastDone(`Archived ${script.path}`);
      void client.invalidateQueries({ queryKey: ['scripts', workspace] });
    },
    onError: (e) => toastFailed('Not archived', asProblem(e)),
  });
  const actions: Action[] = [
    {
      id: 'edit',
      title: 'Edit',
      icon: IconPencil,
      run: () => void navigate({ to: '/w/$workspace/scripts/edit/$', params: { workspace, _splat: script.path } }),
    },
    { id: 'archive', title: 'Archive', icon: IconArchive, run: () => archive.mutate() },
    { id: 'delete', title: 'Delete…', icon: IconTrash, danger: true, run: onDelete },
  ];
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon size={28} aria-label={`More for ${script.path}`} tabIndex={-1}>
          <IconDotsVertical size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {actions.map((a) => (
          <ActionMenuItem key={a.id} action={a} />
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function DeleteScript({
  workspace,
  script,
  onClose,
}: {
  workspace: string;
  script: Script | undefined;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: (path: string) =>
      api.POST('/api/w/{workspace}/scripts/delete/p/{path}', {
        params: { path: { workspace, path } },
        parseAs: 'text',
      }),
    onSuccess: (_, path) => {
      toastDone(`Deleted ${path}`);
      onClose();
      void client.invalidateQueries({ queryKey: ['scripts', workspace] });
    },
    onError: (e) => toastFailed('Not deleted', asProblem(e)),
  });
  return (
    <ConfirmByTyping
      opened={script !== undefined}
      title="Delete this script"
      name={script?.path ?? ''}
      verb="Delete"
      busy={remove.isPending}
      onConfirm={() => script && remove.mutate(script.path)}
      onClose={onClose}
    >
      The code of all its versions will be gone, which cannot be undone. Its past runs stay. To hide it and keep the
      code, archive it instead.
    </ConfirmByTyping>
  );
}

function runsByPath(jobs: Job[]): Map<string, Job[]> {
  const byPath = new Map<string, Job[]>();
  for (const j of jobs) {
    if (!j.script_path || j.job_kind !== 'script') continue;
    const list = byPath.get(j.script_path);
    if (list) list.push(j);
    else byPath.set(j.script_path, [j]);
  }
  return byPath;
}

function sorted(scripts: Script[], sort: Sort, runs: Map<string, Job[]>): Script[] {
  const key = (s: Script): string => {
    if (sort.by === 'edited') return s.created_at;
    if (sort.by === 'last') return runs.get(s.path)?.[0]?.created_at ?? '';
    return (s.summary || lastPart(s.path)).toLowerCase();
  };
  const direction = sort.down ? -1 : 1;
  return [...scripts].sort((a, b) => direction * key(a).localeCompare(key(b)));
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
