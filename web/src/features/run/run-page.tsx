import { Button, Tabs } from '@mantine/core';
import { IconCode, IconPencil, IconPlayerStop, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { isFinal, jobState, jobTitle } from '~/api/jobs';
import { asProblem } from '~/api/problem';
import { type Job, languagesQuery } from '~/api/queries';
import { cancel, rerun, whyQuery } from '~/api/scripts';
import { CodeEditor } from '~/editor/code-editor';
import { type Action, ActionButton, useActions } from '~/ui/actions';
import { formatBytes } from '~/ui/format';
import { LogView } from '~/ui/log-view/log-view';
import { Page } from '~/ui/page';
import { CopyId, Failing, Skeleton } from '~/ui/states';
import { StatusPill } from '~/ui/status-pill';
import { Duration, Time } from '~/ui/time';
import { toastFailed } from '~/ui/toast';
import { CodeExcerpt } from './excerpt';
import { errorOf, failingLine } from './job';
import { RerunDialog } from './rerun-dialog';
import { ArgumentsPane, ResultPane } from './result-pane';
import classes from './run.module.css';
import { Segments } from './segments';
import type { RunTab } from './run-tabs';
import { resultQuery, type Run, runCodeQuery, useRun } from './use-run';

/** One run: what it is, how it goes, and what came of it. */
export function RunPage({
  workspace,
  id,
  tab,
  onTab,
}: {
  workspace: string;
  id: string;
  tab: RunTab | undefined;
  onTab: (tab: RunTab) => void;
}) {
  const run = useRun(workspace, id);
  const { job, state, final } = run;
  const navigate = useNavigate();
  const [editing, setEditing] = useState(false);
  const [busy, setBusy] = useState('');

  const open = (next: string) => {
    setEditing(false);
    void navigate({ to: '/w/$workspace/runs/$id', params: { workspace, id: next } });
  };
  const act = async (name: string, what: string, work: () => Promise<void>) => {
    setBusy(name);
    try {
      await work();
    } catch (e) {
      toastFailed(what, asProblem(e));
    } finally {
      setBusy('');
    }
  };
  const canRerun = job !== undefined && ['script', 'preview'].includes(job.job_kind);
  const actions: Action[] = [
    {
      id: 'run.rerun',
      title: 'Rerun',
      icon: IconRefresh,
      group: 'This run',
      shortcut: 'r',
      disabled: !canRerun ? 'Only runs of scripts can be run again' : busy ? 'Starting' : undefined,
      run: () => void act('rerun', 'The run was not started', async () => open(await rerun(workspace, id))),
    },
    {
      id: 'run.edit',
      title: 'Edit and rerun',
      icon: IconPencil,
      group: 'This run',
      shortcut: 'e',
      disabled: !canRerun
        ? 'Only runs of scripts can be run again'
        : job.args_too_big
          ? 'Its arguments are too large to edit here'
          : undefined,
      run: () => setEditing(true),
    },
  ];
  if (job && !final) {
    actions.push({
      id: 'run.cancel',
      title: 'Cancel',
      icon: IconPlayerStop,
      group: 'This run',
      danger: true,
      disabled: job.canceled || busy === 'cancel' ? 'It is being cancelled' : undefined,
      run: () => void act('cancel', 'The run was not cancelled', () => cancel(workspace, id)),
    });
  }
  useActions(actions);

  if (!job) {
    return state.problem ? <Failing trouble={state.problem} /> : <Skeleton />;
  }
  // A failed run opens on its error, a live one on its log.
  const shown: RunTab = tab ?? (final ? 'result' : 'logs');
  return (
    <Page
      title={
        <span className={classes.title}>
          <StatusPill status={jobState(job)} />
          {job.script_path && job.script_hash ? (
            <Link
              to="/w/$workspace/scripts/get/$"
              params={{ workspace, _splat: job.script_path }}
              className={classes.path}
            >
              {job.script_path}
            </Link>
          ) : (
            <span>{jobTitle(job)}</span>
          )}
        </span>
      }
      actions={actions.map((a) => <ActionButton key={a.id} action={a} />)}
    >
      <Facts workspace={workspace} run={run} job={job} />
      {!final && <Waiting job={job} told={state.reason} />}
      {state.problem && <Failing inline trouble={state.problem} />}
      <Tabs value={shown} onChange={(v) => v && onTab(v as RunTab)} className={classes.tabs}>
        <Tabs.List>
          <Tabs.Tab value="result">Result</Tabs.Tab>
          <Tabs.Tab value="logs">Logs</Tabs.Tab>
          <Tabs.Tab value="input">Input</Tabs.Tab>
          <Tabs.Tab value="code">Code</Tabs.Tab>
          <Tabs.Tab value="why">Why</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="result" className={classes.panel}>
          {final ? (
            <ResultPane
              workspace={workspace}
              id={id}
              excerpt={
                job.success ? undefined : (
                  <CodeExcerpt
                    workspace={workspace}
                    job={job}
                    renderAction={(line) => <OpenInEditor workspace={workspace} job={job} line={line} />}
                  />
                )
              }
            />
          ) : (
            <div className={classes.pad}>
              {state.stream === '' ? (
                <p className="quiet">The result comes when the run is done.</p>
              ) : (
                <pre className={classes.stream} aria-label="Result so far">
                  {state.stream}
                </pre>
              )}
            </div>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="logs" className={classes.panel}>
          <LogView
            buffer={run.feed.logs}
            label="Logs"
            live={!state.completed}
            permalinks
            fileName={`${id}.log`}
            downloadUrl={`/api/w/${encodeURIComponent(workspace)}/jobs_u/get_logs/${id}`}
          />
        </Tabs.Panel>
        <Tabs.Panel value="input" className={classes.panel}>
          <ArgumentsPane workspace={workspace} job={job} />
        </Tabs.Panel>
        <Tabs.Panel value="code" className={classes.panel}>
          <Code workspace={workspace} job={job} />
        </Tabs.Panel>
        <Tabs.Panel value="why" className={classes.panel}>
          <Why workspace={workspace} job={job} />
        </Tabs.Panel>
      </Tabs>
      <RerunDialog
        workspace={workspace}
        job={job}
        opened={editing}
        onClose={() => setEditing(false)}
        onStarted={open}
      />
    </Page>
  );
}

function Facts({ workspace, run, job }: { workspace: string; run: Run; job: Job }) {
  const memory = job.mem_peak ?? run.state.memory;
  const tier = job.isolation;
  return (
    <div className={classes.facts}>
      <dl>
        <div>
          <dt>By</dt>
          <dd>{job.created_by}</dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>
            {job.script_hash && job.script_path ? (
              <Link
                to="/w/$workspace/scripts/get/$"
                params={{ workspace, _splat: job.script_path }}
                search={{ hash: job.script_hash }}
                className="mono"
              >
                {job.script_hash.slice(0, 8)}
              </Link>
            ) : (
              'unsaved code'
            )}
          </dd>
        </div>
        <div>
          <dt>{job.completed_at ? 'Ended' : job.started_at ? 'Started' : 'Queued'}</dt>
          <dd>
            <Time at={job.completed_at ?? job.started_at ?? job.created_at} />
          </dd>
        </div>
        {job.worker && (
          <div>
            <dt>Worker</dt>
            <dd className="mono">{job.worker}</dd>
          </div>
        )}
        {tier && (
          <div>
            <dt>Sandbox</dt>
            <dd>{tier}</dd>
          </div>
        )}
        {memory > 0 && (
          <div>
            <dt>Memory</dt>
            {/* The API counts kilobytes, as Windmill's does. */}
            <dd className="mono">{formatBytes(memory * 1024)}</dd>
          </div>
        )}
        <div>
          <dt>Run</dt>
          <dd>
            <CopyId id={job.id} short={8} />
          </dd>
        </div>
      </dl>
      <Segments job={job} />
    </div>
  );
}

/** What a run that is not yet done waits for, since when, and what can end the wait. */
function Waiting({ job, told }: { job: Job; told: string }) {
  if (job.running) return null;
  const reason = told || job.reason;
  return (
    <div className={classes.waiting} role="status">
      <StatusPill status="waiting" word={reason || 'Waiting for a free worker'} />
      <span className="quiet">
        for{' '}
        <Duration
          since={
            job.scheduled_for && Date.parse(job.scheduled_for) > Date.parse(job.created_at)
              ? job.scheduled_for
              : job.created_at
          }
        />
      </span>
    </div>
  );
}

function OpenInEditor({ workspace, job, line }: { workspace: string; job: Job; line: number }) {
  const navigate = useNavigate();
  if (!job.script_path || job.job_kind !== 'script') return null;
  return (
    <Button
      size="xs"
      leftSection={<IconCode size={14} aria-hidden />}
      onClick={() =>
        void navigate({
          to: '/w/$workspace/scripts/edit/$',
          params: { workspace, _splat: job.script_path as string },
          search: { line },
        })
      }
    >
      Fix in the editor
    </Button>
  );
}

function Code({ workspace, job }: { workspace: string; job: Job }) {
  const { data: code, error } = useQuery(runCodeQuery(workspace, job));
  const { data: languages } = useQuery(languagesQuery);
  const { data: result } = useQuery({ ...resultQuery(workspace, job.id), enabled: isFinal(job) && !job.success });
  if (error) return <Failing inline trouble={asProblem(error)} />;
  if (!code) return <Skeleton />;
  const failed = errorOf(result?.value);
  const line = failed ? failingLine(failed.stack || failed.message, code.content.split('\n').length) : 0;
  return (
    <CodeEditor
      readOnly
      label="Code of this run"
      mode={languages?.find((l) => l.id === code.language)?.editor ?? 'text'}
      value={code.content}
      markLine={line || undefined}
    />
  );
}

function Why({ workspace, job }: { workspace: string; job: Job }) {
  const { data, error } = useQuery(
    whyQuery(workspace, job.id, `${job.type} ${job.running ?? ''} ${job.completed_at ?? ''}`),
  );
  if (error) return <Failing inline trouble={asProblem(error)} />;
  const told: [string, React.ReactNode][] = [
    ['Now', data?.reason || job.reason || '…'],
    ['Asked for by', `${job.created_by} (${job.email})`],
    ['Runs as', job.permissioned_as],
    ['Queue', <code key="tag">{job.tag}</code>],
  ];
  if (job.trigger_kind) told.push(['Started by', job.trigger_kind]);
  if (job.parent_job) {
    told.push([
      'Part of',
      <Link key="parent" to="/w/$workspace/runs/$id" params={{ workspace, id: job.parent_job }}>
        {job.parent_job}
      </Link>,
    ]);
  }
  if (job.canceled_by)
    told.push(['Cancelled by', `${job.canceled_by}${job.canceled_reason ? `: ${job.canceled_reason}` : ''}`]);
  return (
    <dl className={classes.why}>
      {told.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
