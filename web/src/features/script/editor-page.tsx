import { Button, TextInput, Tooltip } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconCloudUp, IconPlayerPlay } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { useNotes } from '~/api/live';
import { asProblem, type Problem } from '~/api/problem';
import type { Language, Script } from '~/api/queries';
import { type Draft, runPreview, settingsOf, type StoredDraft } from '~/api/scripts';
import { CodeEditor, type Problem as CodeProblem } from '~/editor/code-editor';
import { argumentsOf, type JsonSchema, type Values, withoutSecrets } from '~/schema-form/schema';
import { SchemaForm } from '~/schema-form/schema-form';
import { check, serverProblems } from '~/schema-form/validate';
import { type Action, ActionButton, useActions } from '~/ui/actions';
import { Keys } from '~/ui/keys';
import { NARROW, type Pane, Split } from '~/ui/split';
import { Failing } from '~/ui/states';
import { Time } from '~/ui/time';
import { toastDone } from '~/ui/toast';
import { DeployDialog, Needs } from './deploy-dialog';
import { LanguagePicker } from './language-picker';
import { pathProblem } from './path';
import classes from './script.module.css';
import type { DraftState } from './draft-saver';
import { useDraft } from './use-draft';
import { useSignature } from './use-signature';

/** How a test ended, told by whoever shows it. */
export interface TestDone {
  id: string;
  success: boolean;
  failingLine: number;
  message: string;
}

/** What shows the logs and result of a test; the page that joins the features gives it. */
export type TestOutput = (props: {
  workspace: string;
  id: string;
  previous: string | undefined;
  lines: number;
  onDone: (done: TestDone) => void;
}) => ReactNode;

export interface EditorPageProps {
  workspace: string;
  languages: readonly Language[];
  /** The deployed version, unless the script is new. */
  script: Script | undefined;
  /** One's own unfinished work on it. */
  stored: StoredDraft | undefined;
  /** Where a new script starts. */
  start: Draft;
  /** A line to show at first. */
  line?: number;
  renderOutput: TestOutput;
  onPath?: (path: string) => void;
  onDeployed: (path: string) => void;
}

/** Write a script, see its form grow beside it, run it, deploy it. */
export function EditorPage({
  workspace,
  languages,
  script,
  stored,
  start,
  line,
  renderOutput,
  onPath,
  onDeployed,
}: EditorPageProps) {
  const client = useQueryClient();
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  const [base, setBase] = useState(script);
  const [draft, setDraft] = useState<Draft>(() => stored?.value ?? (script ? draftOf(script) : start));
  const [touched, setTouched] = useState(stored !== undefined);
  const [restored, setRestored] = useState(stored !== undefined);
  const [values, setValues] = useState<Values>(() => draft.args ?? {});
  const [deploying, setDeploying] = useState(false);
  const [tests, setTests] = useState<string[]>([]);
  const [starting, setStarting] = useState(false);
  const [refused, setRefused] = useState<Problem>();
  const [submitted, setSubmitted] = useState(false);
  const [failure, setFailure] = useState<{ content: string; problem: CodeProblem }>();
  const [pane, setPane] = useState('code');

  const language = languages.find((l) => l.id === draft.language);
  const {
    schema,
    latest,
    problem: unread,
  } = useSignature(workspace, draft.language, draft.content, draft.path, base?.schema as JsonSchema | undefined);
  const kept = useMemo<Draft>(() => ({ ...draft, args: withoutSecrets(schema, values) }), [draft, values, schema]);
  const { saver, saving } = useDraft(workspace, kept, touched, stored);

  // That the server was away is no news once it is back.
  useNotes((note) => {
    if (note.kind === '' && refused?.status === 0) setRefused(undefined);
  });

  const change = (part: Partial<Draft>) => {
    setTouched(true);
    setDraft((old) => ({ ...old, ...part }));
  };
  const setContent = (content: string) => {
    change({ content });
    setRefused(undefined);
  };
  const setLanguage = (id: string) => {
    const was = language?.templates.script;
    const next = languages.find((l) => l.id === id)?.templates.script ?? '';
    // What was written stays; a sample that nobody touched gives way to that of the other language.
    const fresh = draft.content.trim() === '' || draft.content === was;
    change(fresh ? { language: id, content: next } : { language: id });
  };
  const setPath = (path: string) => {
    change({ path });
    if (pathProblem(path) === undefined) onPath?.(path);
  };
  const startOver = () => {
    void saver.drop();
    setRestored(false);
    setTouched(false);
    setDraft(base ? draftOf(base) : start);
    setValues({});
  };
  const take = (theirs: Script) => {
    setBase(theirs);
    setDraft(draftOf(theirs));
    setTouched(false);
    setRestored(false);
    setDeploying(false);
    void saver.drop();
  };

  const found = check(schema, values);
  const problems = { ...found, ...serverProblems(refused?.fields) };
  const wrongPath = pathProblem(draft.path);
  const library = latest?.no_main === true;

  const run = async () => {
    setSubmitted(true);
    setRefused(undefined);
    if (Object.keys(found).length > 0) {
      setPane('form');
      return;
    }
    setStarting(true);
    try {
      const id = await runPreview(workspace, {
        language: draft.language,
        content: draft.content,
        path: wrongPath === undefined ? draft.path : undefined,
        args: argumentsOf(schema, values),
      });
      setFailure(undefined);
      setTests((old) => [id, ...old].slice(0, 20));
      setPane('output');
    } catch (e) {
      const p = asProblem(e);
      setRefused(p);
      setPane(Object.keys(serverProblems(p.fields)).length > 0 ? 'form' : 'output');
    } finally {
      setStarting(false);
    }
  };

  const runAction: Action = {
    id: 'script.run',
    title: 'Run',
    icon: IconPlayerPlay,
    group: 'This script',
    shortcut: 'mod+enter',
    disabled: library ? 'This is a library: it has no entry point to run' : starting ? 'Starting' : undefined,
    run: () => void run(),
  };
  const deployAction: Action = {
    id: 'script.deploy',
    title: 'Deploy',
    icon: IconCloudUp,
    group: 'This script',
    shortcut: 'mod+shift+enter',
    disabled: wrongPath ?? (base && !touched ? 'Nothing changed since the last version' : undefined),
    run: () => setDeploying(true),
  };
  useActions([runAction, deployAction]);

  const codeProblems = useMemo<CodeProblem[]>(() => {
    const out: CodeProblem[] = [];
    if (latest?.error)
      out.push({ line: latest.error.line, column: latest.error.column, message: latest.error.message });
    if (failure && failure.content === draft.content) out.push(failure.problem);
    return out;
  }, [latest, failure, draft.content]);

  const test = tests[0];
  const panes: Record<string, Pane> = {
    code: {
      id: 'code',
      title: 'Code',
      size: 60,
      min: 240,
      content: (
        <CodeEditor
          label="Code. Press Escape, then Tab to leave the editor."
          mode={language?.editor ?? 'text'}
          value={draft.content}
          onChange={setContent}
          problems={codeProblems}
          markLine={line && draft.content === base?.content ? line : undefined}
          autoFocus={!narrow}
          onRun={() => !runAction.disabled && runAction.run()}
          onSave={() => void saver.save()}
        />
      ),
    },
    form: {
      id: 'form',
      title: 'Arguments',
      size: 40,
      min: 220,
      content: (
        <form
          className={classes.formPane}
          tabIndex={-1}
          aria-label="Arguments"
          onSubmit={(e) => {
            e.preventDefault();
            if (!runAction.disabled) void run();
          }}
        >
          {latest?.error && <p className={classes.stale}>The form shows the last code that could be read.</p>}
          {unread && <Failing inline trouble={unread} title="The code was not read" />}
          <SchemaForm
            heading="Arguments"
            schema={schema}
            values={values}
            onChange={(v) => {
              setValues(v);
              setTouched(true);
              setRefused(undefined);
            }}
            problems={problems}
            showAll={submitted}
            empty={
              library
                ? 'A library: other scripts import it, it takes nothing itself.'
                : 'It takes no arguments. Add a parameter to the entry point and its field appears here.'
            }
          />
          <Needs signature={latest} />
        </form>
      ),
    },
    output: {
      id: 'output',
      title: 'Output',
      size: 40,
      min: 120,
      content: (
        <div className={classes.outputPane}>
          {refused && Object.keys(serverProblems(refused.fields)).length === 0 ? (
            <div className={classes.pad}>
              <Failing inline trouble={refused} title="The test was not started" />
            </div>
          ) : test ? (
            renderOutput({
              workspace,
              id: test,
              previous: tests[1],
              lines: draft.content.split('\n').length,
              onDone: (done) => {
                if (done.success || done.failingLine === 0) return;
                setFailure({ content: draft.content, problem: { line: done.failingLine, message: done.message } });
              },
            })
          ) : library ? (
            <p className={classes.hint}>
              A library has no entry point, so there is nothing to run. Other scripts import it once it is deployed.
            </p>
          ) : (
            <p className={classes.hint}>
              <Keys shortcut="mod+enter" /> runs the code as it is here, without deploying it. Its logs and its result
              appear here.
            </p>
          )}
        </div>
      ),
    },
  };

  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <h1 className="visually-hidden">{base ? `Edit ${base.path}` : 'New script'}</h1>
        <LanguagePicker languages={languages} value={draft.language} onChange={setLanguage} />
        <Tooltip label={wrongPath} disabled={wrongPath === undefined}>
          <TextInput
            className={classes.path}
            aria-label="Path"
            value={draft.path}
            error={wrongPath !== undefined}
            readOnly={base !== undefined}
            spellCheck={false}
            autoComplete="off"
            onChange={(e) => setPath(e.currentTarget.value.trim())}
          />
        </Tooltip>
        <TextInput
          className={classes.summary}
          aria-label="Summary"
          placeholder="Summary"
          value={draft.summary}
          maxLength={1000}
          onChange={(e) => change({ summary: e.currentTarget.value })}
        />
        <SavedWord saving={saving} wrongPath={wrongPath} />
        <div className={classes.actions}>
          <ActionButton action={deployAction} />
          <ActionButton action={runAction} variant="filled" loading={starting} />
        </div>
      </header>
      {restored && (
        <div className={classes.notice} role="status">
          <span>
            This is your draft
            {stored && (
              <>
                {' '}
                from <Time at={stored.updated_at} />
              </>
            )}
            {base && draft.parent_hash && draft.parent_hash !== base.hash && (
              <>
                ; {base.created_by} deployed another version <Time at={base.created_at} />
              </>
            )}
            .
          </span>
          <Button size="xs" onClick={startOver}>
            {base ? 'Drop the draft' : 'Start over'}
          </Button>
          <Button size="xs" variant="subtle" color="gray" onClick={() => setRestored(false)}>
            Keep it
          </Button>
        </div>
      )}
      <div className={classes.body}>
        {narrow ? (
          <Split
            name="editor-narrow"
            direction="row"
            panes={[panes.code, panes.form, panes.output] as Pane[]}
            narrowPane={pane}
            onNarrowPane={setPane}
          />
        ) : (
          <Split
            name="editor"
            direction="column"
            panes={[
              {
                id: 'top',
                title: 'Code and arguments',
                size: 60,
                min: 160,
                content: <Split name="editor-top" direction="row" panes={[panes.code, panes.form] as Pane[]} />,
              },
              panes.output as Pane,
            ]}
          />
        )}
      </div>
      <DeployDialog
        workspace={workspace}
        opened={deploying}
        onClose={() => setDeploying(false)}
        version={{
          ...(base ? settingsOf(base) : {}),
          path: draft.path,
          content: draft.content,
          language: draft.language,
          summary: draft.summary,
          description: draft.description,
          kind: draft.kind,
        }}
        base={
          base && draft.parent_hash && draft.parent_hash !== base.hash ? { ...base, hash: draft.parent_hash } : base
        }
        schema={schema}
        signature={latest}
        mode={language?.editor ?? 'text'}
        broken={latest?.error ? `line ${latest.error.line}: ${latest.error.message}` : undefined}
        onTake={take}
        onDeployed={() => {
          saver.stop();
          setDeploying(false);
          toastDone(`Deployed ${draft.path}`);
          void client.invalidateQueries({ queryKey: ['script', workspace, draft.path] });
          void client.invalidateQueries({ queryKey: ['scripts', workspace] });
          onDeployed(draft.path);
        }}
      />
    </div>
  );
}

/** A draft that is still the deployed version. */
export function draftOf(script: Script): Draft {
  return {
    path: script.path,
    language: script.language,
    content: script.content,
    summary: script.summary,
    description: script.description,
    kind: script.kind,
    parent_hash: script.hash,
  };
}

function SavedWord({ saving, wrongPath }: { saving: DraftState; wrongPath: string | undefined }) {
  const word = (() => {
    switch (saving.status) {
      case 'untouched':
        return '';
      case 'unsaved':
      case 'saving':
        return wrongPath ? 'Not saved: the path is not valid' : 'Saving the draft…';
      case 'failed':
        return `Draft not saved: ${saving.problem?.message ?? ''}`;
      case 'saved':
        return (
          <>
            Draft saved <Time at={saving.savedAt} />
          </>
        );
    }
  })();
  return (
    <span className={classes.saved} data-failed={saving.status === 'failed' || undefined} role="status">
      {word}
    </span>
  );
}
