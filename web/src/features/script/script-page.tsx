import { Button, Group, Menu, Modal, Tabs } from '@mantine/core';
import {
  IconArchive,
  IconArrowBackUp,
  IconCode,
  IconDotsVertical,
  IconPencil,
  IconPlayerPlay,
  IconTrash,
} from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { isFinal, jobState } from '~/api/jobs';
import { useNotesSettled } from '~/api/live';
import { asProblem, type Problem } from '~/api/problem';
import { type Job, type Language, type Script, scriptQuery } from '~/api/queries';
import {
  archive,
  deploy,
  historyQuery,
  remove,
  runByPath,
  settingsOf,
  type Version,
  versionQuery,
} from '~/api/scripts';
import { CodeEditor, DiffView } from '~/editor/code-editor';
import { argumentsOf, type JsonSchema, type Values } from '~/schema-form/schema';
import { SchemaForm } from '~/schema-form/schema-form';
import { check, serverProblems } from '~/schema-form/validate';
import { type Action, ActionButton, ActionIconButton, ActionMenuItem, useActions } from '~/ui/actions';
import { ConfirmByTyping } from '~/ui/confirm';
import { Split } from '~/ui/split';
import { Empty, Failing, Skeleton } from '~/ui/states';
import { StatusPill } from '~/ui/status-pill';
import { Duration, Time } from '~/ui/time';
import { toastDone, toastFailed } from '~/ui/toast';
import { LanguageIcon } from './language-picker';
import { lastRunsQuery } from './last-runs';
import classes from './script.module.css';
import type { ScriptTab } from './script-tabs';
import { snippets } from './snippets';

export interface ScriptPageProps {
  workspace: string;
  /** The newest version at the path. */
  script: Script;
  /** An older version that the address asks for. */
  older: Script | undefined;
  languages: readonly Language[];
  tab: ScriptTab | undefined;
  onTab: (tab: ScriptTab) => void;
}

/** A deployed script: run it, see how it went, who changed what, and how others call it. */
export function ScriptPage({ workspace, script, older, languages, tab, onTab }: ScriptPageProps) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [ending, setEnding] = useState<'archive' | 'delete'>();
  const [busy, setBusy] = useState(false);
  const language = languages.find((l) => l.id === script.language);
  const mode = language?.editor ?? 'text';
  const edit: Action = {
    id: 'script.edit',
    title: 'Edit',
    icon: IconPencil,
    group: 'This script',
    shortcut: 'e',
    run: () => void navigate({ to: '/w/$workspace/scripts/edit/$', params: { workspace, _splat: script.path } }),
  };
  const more: Action[] = [
    {
      id: 'script.archive',
      title: 'Archive…',
      icon: IconArchive,
      group: 'This script',
      disabled: script.archived ? 'It is archived' : undefined,
      run: () => setEnding('archive'),
    },
    {
      id: 'script.delete',
      title: 'Delete…',
      icon: IconTrash,
      group: 'This script',
      danger: true,
      run: () => setEnding('delete'),
    },
  ];
  useActions([edit, ...more]);

  const end = async () => {
    setBusy(true);
    try {
      await (ending === 'archive' ? archive(workspace, script.path) : remove(workspace, script.path));
      toastDone(ending === 'archive' ? `Archived ${script.path}` : `Deleted ${script.path}`);
      await client.invalidateQueries({ queryKey: ['scripts', workspace] });
      client.removeQueries({ queryKey: ['script', workspace, script.path] });
      void navigate({ to: '/w/$workspace', params: { workspace } });
    } catch (e) {
      toastFailed(ending === 'archive' ? 'It was not archived' : 'It was not deleted', asProblem(e));
      setBusy(false);
    }
  };

  const library = script.no_main_func === true;
  const shownTab = tab ?? (older || library ? 'code' : 'runs');
  // A deployed version is found again once its packages are resolved, and when somebody deploys another one.
  useNotesSettled(script.lock === undefined ? ['deployed', 'done'] : ['deployed'], () => {
    void client.invalidateQueries({ queryKey: scriptQuery(workspace, script.path).queryKey, exact: true });
  });
  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <LanguageIcon icon={language?.icon} size={20} />
        <div className={classes.titles}>
          <h1 title={script.summary || script.path}>{script.summary || script.path}</h1>
          {script.summary && <code className="quiet">{script.path}</code>}
        </div>
        {script.archived && <StatusPill status="cancelled" word="Archived" />}
        <LockState script={script} />
        <div className={classes.actions}>
          <ActionButton action={edit} />
          <Menu>
            <Menu.Target>
              <Button aria-label="More" variant="default" px={8}>
                <IconDotsVertical size={16} aria-hidden />
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {more.map((a) => (
                <ActionMenuItem key={a.id} action={a} />
              ))}
            </Menu.Dropdown>
          </Menu>
        </div>
      </header>
      <div className={classes.body}>
        <Split
          name="script-page"
          direction="row"
          panes={[
            { id: 'run', title: 'Run', size: 40, min: 260, content: <RunForm workspace={workspace} script={script} /> },
            {
              id: 'about',
              title: 'About',
              size: 60,
              min: 280,
              content: (
                <Tabs value={shownTab} onChange={(v) => v && onTab(v as ScriptTab)} className={classes.tabs}>
                  <Tabs.List>
                    <Tabs.Tab value="runs">Runs</Tabs.Tab>
                    <Tabs.Tab value="code">Code</Tabs.Tab>
                    <Tabs.Tab value="versions">Versions</Tabs.Tab>
                    <Tabs.Tab value="call">Call it</Tabs.Tab>
                  </Tabs.List>
                  <Tabs.Panel value="runs" className={classes.panel}>
                    <LastRuns workspace={workspace} path={script.path} library={library} />
                  </Tabs.Panel>
                  <Tabs.Panel value="code" className={classes.panel}>
                    {older && (
                      <p className={classes.notice}>
                        This is the version <code>{older.hash.slice(0, 8)}</code> of <Time at={older.created_at} />, not
                        the newest.
                      </p>
                    )}
                    <div className={classes.fill}>
                      <CodeEditor readOnly label="Code" mode={mode} value={(older ?? script).content} />
                    </div>
                  </Tabs.Panel>
                  <Tabs.Panel value="versions" className={classes.panel}>
                    <Versions workspace={workspace} script={script} mode={mode} />
                  </Tabs.Panel>
                  <Tabs.Panel value="call" className={classes.panel}>
                    <Snippets workspace={workspace} script={script} />
                  </Tabs.Panel>
                </Tabs>
              ),
            },
          ]}
        />
      </div>
      <ConfirmByTyping
        opened={ending !== undefined}
        title={ending === 'archive' ? 'Archive this script' : 'Delete this script'}
        name={script.path}
        verb={ending === 'archive' ? 'Archive' : 'Delete'}
        busy={busy}
        onConfirm={() => void end()}
        onClose={() => setEnding(undefined)}
      >
        {ending === 'archive'
          ? 'It disappears from lists and can no longer be run. Its versions and runs stay.'
          : 'The code of all its versions is gone for good. Its runs stay in the history.'}
      </ConfirmByTyping>
    </div>
  );
}

function LockState({ script }: { script: Script }) {
  if (script.lock_error_logs) return <StatusPill status="failed" word="Its packages could not be resolved" />;
  if (script.lock === undefined) return <StatusPill status="waiting" word="Resolving its packages" />;
  return null;
}

const libraryWord = 'This is a library: it has no entry point to run, other scripts import it.';

function RunForm({ workspace, script }: { workspace: string; script: Script }) {
  const navigate = useNavigate();
  const [values, setValues] = useState<Values>({});
  const [submitted, setSubmitted] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Problem>();
  const library = script.no_main_func === true;
  const schema = script.schema as JsonSchema | undefined;
  const found = check(schema, values);
  const problems = { ...found, ...serverProblems(refused?.fields) };
  const start = async () => {
    setSubmitted(true);
    setRefused(undefined);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    try {
      const id = await runByPath(workspace, script.path, argumentsOf(schema, values));
      void navigate({ to: '/w/$workspace/runs/$id', params: { workspace, id } });
    } catch (e) {
      setRefused(asProblem(e));
      setBusy(false);
    }
  };
  const run: Action = {
    id: 'script.run',
    title: 'Run',
    icon: IconPlayerPlay,
    group: 'This script',
    shortcut: 'mod+enter',
    disabled: library
      ? libraryWord
      : script.archived
        ? 'It is archived'
        : script.lock_error_logs
          ? 'Its packages could not be resolved: correct the imports and deploy it again'
          : busy
            ? 'Starting'
            : undefined,
    run: () => void start(),
  };
  useActions([run]);
  return (
    <form
      className={classes.formPane}
      aria-label="Run this script"
      onSubmit={(e) => {
        e.preventDefault();
        if (!run.disabled) void start();
      }}
    >
      {script.description && <p className={classes.description}>{script.description}</p>}
      {script.lock_error_logs && (
        <div className={classes.lockError} role="alert">
          <strong>Its packages could not be resolved, so it cannot run.</strong>
          <pre tabIndex={0}>{script.lock_error_logs}</pre>
        </div>
      )}
      {library && <p className={classes.description}>{libraryWord}</p>}
      {!library && (
        <SchemaForm
          heading="Arguments"
          schema={schema}
          values={values}
          onChange={(v) => {
            setValues(v);
            setRefused(undefined);
          }}
          problems={problems}
          showAll={submitted}
          empty="It takes no arguments."
        />
      )}
      {refused && Object.keys(serverProblems(refused.fields)).length === 0 && (
        <Failing inline trouble={refused} title="It was not started" />
      )}
      {!library && (
        <div>
          <ActionButton action={run} variant="filled" loading={busy} />
        </div>
      )}
    </form>
  );
}

function LastRuns({ workspace, path, library }: { workspace: string; path: string; library: boolean }) {
  const { data: runs, error, refetch } = useQuery(lastRunsQuery(workspace, path));
  useNotesSettled(['queued', 'started', 'done'], () => void refetch());
  if (error) return <Failing inline trouble={asProblem(error)} retry={() => void refetch()} />;
  if (!runs) {
    return (
      <div className={classes.pad}>
        <Skeleton />
      </div>
    );
  }
  if (runs.length === 0 && library)
    return <Empty title="A library does not run">Other scripts import it; their runs are listed with them.</Empty>;
  if (runs.length === 0)
    return <Empty title="No runs yet">Fill in the form and press Run: this is where its runs are listed.</Empty>;
  return (
    <>
      <ul className={classes.runs} aria-label="Last runs">
        {runs.map((job) => (
          <li key={job.id}>
            <Link to="/w/$workspace/runs/$id" params={{ workspace, id: job.id }} className={classes.runLink}>
              <span className={classes.runStatus}>
                <StatusPill status={jobState(job)} />
              </span>
              <Time at={job.created_at} className={classes.runTime} />
              <span className={classes.runWho}>{job.created_by}</span>
              <RunTime job={job} />
            </Link>
          </li>
        ))}
      </ul>
      <p className={classes.pad}>
        <Link to="/w/$workspace/runs" params={{ workspace }} search={{ script: path }}>
          All runs of this script
        </Link>
      </p>
    </>
  );
}

function RunTime({ job }: { job: Job }) {
  return (
    <span className={classes.runDuration}>
      {isFinal(job) ? <Duration ms={job.duration_ms} /> : <Duration since={job.started_at ?? job.created_at} />}
    </span>
  );
}

function Versions({ workspace, script, mode }: { workspace: string; script: Script; mode: string }) {
  const { data: versions, error } = useQuery(historyQuery(workspace, script.path));
  const [picked, setPicked] = useState<string>();
  const [restoring, setRestoring] = useState(false);
  if (error) return <Failing inline trouble={asProblem(error)} />;
  if (!versions) return <Skeleton />;
  const at = versions.findIndex((v) => v.script_hash === (picked ?? versions[0]?.script_hash));
  const current = versions[at] as Version;
  const before = versions[at + 1];
  return (
    <div className={classes.versions}>
      <ul className={classes.versionList} aria-label="Versions">
        {versions.map((v, i) => (
          <li key={v.script_hash}>
            <button
              type="button"
              className={classes.version}
              aria-pressed={v === current}
              onClick={() => setPicked(v.script_hash)}
            >
              <span className={classes.versionHead}>
                <code>{v.script_hash.slice(0, 8)}</code>
                {i === 0 && <span className={classes.badge}>newest</span>}
                <Time at={v.created_at} className={classes.runTime} />
              </span>
              <span className={classes.versionMessage}>
                {v.deployment_msg || <span className="quiet">no message</span>}
              </span>
              <span className="quiet">{v.created_by}</span>
            </button>
          </li>
        ))}
      </ul>
      <div className={classes.versionDiff}>
        <div className={classes.versionBar}>
          <span>
            {before ? (
              <>
                <code>{before.script_hash.slice(0, 8)}</code> → <code>{current.script_hash.slice(0, 8)}</code>
              </>
            ) : (
              'The first version'
            )}
          </span>
          {at > 0 && (
            <ActionIconButton
              size={26}
              action={{
                id: 'version.restore',
                title: 'Restore this version',
                icon: IconArrowBackUp,
                disabled: current.deleted ? 'Its code is gone' : undefined,
                run: () => setRestoring(true),
              }}
            />
          )}
        </div>
        <VersionDiff workspace={workspace} from={before?.script_hash} to={current.script_hash} mode={mode} />
      </div>
      <Restore
        workspace={workspace}
        script={script}
        version={current}
        opened={restoring}
        onClose={() => setRestoring(false)}
      />
    </div>
  );
}

function VersionDiff({
  workspace,
  from,
  to,
  mode,
}: {
  workspace: string;
  from: string | undefined;
  to: string;
  mode: string;
}) {
  const after = useQuery(versionQuery(workspace, to));
  const before = useQuery({ ...versionQuery(workspace, from ?? ''), enabled: from !== undefined });
  const error = after.error ?? before.error;
  if (error) return <Failing inline trouble={asProblem(error)} />;
  if (!after.data || (from !== undefined && !before.data)) return null;
  if (from === undefined)
    return <CodeEditor readOnly label="Code of the first version" mode={mode} value={after.data.content} />;
  if (before.data?.content === after.data.content)
    return <p className={`${classes.pad} quiet`}>The code did not change: its settings did.</p>;
  return (
    <DiffView
      before={before.data?.content ?? ''}
      after={after.data.content}
      mode={mode}
      label="What this version changed"
    />
  );
}

function Restore({
  workspace,
  script,
  version,
  opened,
  onClose,
}: {
  workspace: string;
  script: Script;
  version: Version;
  opened: boolean;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const restore = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const old = await client.fetchQuery(versionQuery(workspace, version.script_hash));
      await deploy(workspace, {
        ...settingsOf(old),
        path: script.path,
        content: old.content,
        language: old.language,
        parent_hash: script.hash,
        deployment_message: `Restored version ${version.script_hash.slice(0, 8)}`,
      });
      await client.invalidateQueries({ queryKey: scriptQuery(workspace, script.path).queryKey });
      toastDone(`Restored version ${version.script_hash.slice(0, 8)}`);
      onClose();
    } catch (e) {
      setProblem(asProblem(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Restore this version" closeButtonProps={{ 'aria-label': 'Close' }}>
      <p>
        The code of <code>{version.script_hash.slice(0, 8)}</code> becomes a new version on top of the newest one.
        Nothing is lost: both stay in the history.
      </p>
      {problem && <Failing inline trouble={problem} />}
      <Group justify="flex-end" gap="xs">
        <Button onClick={onClose}>Close</Button>
        <Button variant="filled" loading={busy} onClick={() => void restore()}>
          Restore
        </Button>
      </Group>
    </Modal>
  );
}

function Snippets({ workspace, script }: { workspace: string; script: Script }) {
  const args = argumentsOf(script.schema as JsonSchema | undefined, {});
  return (
    <div className={classes.snippets}>
      <p className="quiet">
        Each call waits for the result. Make a token under{' '}
        <Link to="/w/$workspace/account" params={{ workspace }}>
          your account
        </Link>{' '}
        and keep it in <code>TIDEMILL_TOKEN</code>. With <code>jobs/run/p/</code> instead of{' '}
        <code>jobs/run_wait_result/p/</code> the call answers with the id of the run at once.
      </p>
      {snippets(window.location.origin, workspace, script.path, args).map((s) => (
        <section key={s.id} aria-label={s.title}>
          <div className={classes.snippetHead}>
            <h3>
              <IconCode size={14} aria-hidden /> {s.title}
            </h3>
            <CopyText text={s.text} what={s.title} />
          </div>
          <div className={classes.snippet}>
            <CodeEditor readOnly compact label={`Call with ${s.title}`} mode={s.mode} value={s.text} />
          </div>
        </section>
      ))}
    </div>
  );
}

function CopyText({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <Button
      size="xs"
      aria-label={`Copy the call with ${what}`}
      onClick={() => {
        void navigator.clipboard?.writeText(text).then(() => setCopied(true));
      }}
    >
      {copied ? 'Copied' : 'Copy'}
    </Button>
  );
}
