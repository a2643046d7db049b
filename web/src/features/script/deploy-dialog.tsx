import { Button, Group, Modal, Textarea } from '@mantine/core';
import { IconAlertTriangle, IconMinus, IconPencil, IconPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem, type Problem } from '~/api/problem';
import { type Script, scriptQuery } from '~/api/queries';
import { deploy, type NewVersion, type Signature } from '~/api/scripts';
import { DiffView } from '~/editor/code-editor';
import type { JsonSchema } from '~/schema-form/schema';
import { Failing } from '~/ui/states';
import { Time } from '~/ui/time';
import { schemaChanges } from './schema-changes';
import classes from './script.module.css';

export interface DeployDialogProps {
  workspace: string;
  opened: boolean;
  onClose: () => void;
  /** What would be deployed. */
  version: NewVersion;
  /** The version it was made from. */
  base: Script | undefined;
  schema: JsonSchema | undefined;
  signature: Signature | undefined;
  mode: string;
  /** Says when the code cannot be read: it can be deployed, and would fail. */
  broken: string | undefined;
  onDeployed: (hash: string) => void;
  /** Throws away what is written here and takes what somebody else deployed. */
  onTake: (script: Script) => void;
}

export function DeployDialog(props: DeployDialogProps) {
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={`Deploy ${props.version.path}`}
      size="xl"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {props.opened && <Body {...props} />}
    </Modal>
  );
}

function Body({
  workspace,
  version,
  base,
  schema,
  signature,
  mode,
  broken,
  onClose,
  onDeployed,
  onTake,
}: DeployDialogProps) {
  const client = useQueryClient();
  const [message, setMessage] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  // Set when somebody else deployed since this was opened.
  const [theirs, setTheirs] = useState<Script>();
  const parent = theirs ?? base;
  const changes = schemaChanges(parent?.schema as JsonSchema | undefined, schema);
  const breaking = parent !== undefined && changes.some((c) => c.breaking);

  const send = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      onDeployed(
        await deploy(workspace, {
          ...version,
          parent_hash: parent?.hash,
          deployment_message: message.trim() || undefined,
        }),
      );
    } catch (e) {
      const p = asProblem(e);
      setBusy(false);
      if (p.status === 409) {
        try {
          const now = await client.fetchQuery({ ...scriptQuery(workspace, version.path), staleTime: 0 });
          if (now.hash !== parent?.hash) {
            setTheirs(now);
            return;
          }
        } catch {
          // The answer of the deployment says more than that of this look.
        }
      }
      setProblem(p);
    }
  };

  return (
    <form
      className={classes.deploy}
      onSubmit={(e) => {
        e.preventDefault();
        void send();
      }}
    >
      {theirs && (
        <div className={classes.conflict} role="alert">
          <IconAlertTriangle size={18} aria-hidden />
          <div>
            <strong>
              {theirs.created_by} deployed {base ? 'another version' : 'a script at this path'}{' '}
              <Time at={theirs.created_at} />.
            </strong>
            <p>
              Below is what deploying yours would change in theirs. Take theirs to go on from it (what is written here
              is dropped), or deploy yours over it: both stay in the history.
            </p>
            <Group gap="xs">
              <Button onClick={() => onTake(theirs)}>Take theirs</Button>
            </Group>
          </div>
        </div>
      )}
      {broken && (
        <p className={classes.broken}>
          <IconAlertTriangle size={16} aria-hidden /> The code cannot be read: {broken}
        </p>
      )}
      <Textarea
        data-autofocus
        label="Message"
        placeholder="What this version is for (optional)"
        autosize
        minRows={2}
        maxRows={6}
        value={message}
        onChange={(e) => setMessage(e.currentTarget.value)}
      />
      <section>
        <h3>Arguments</h3>
        {changes.length === 0 ? (
          <p className="quiet">{parent ? 'The same as before.' : 'None.'}</p>
        ) : (
          <ul className={classes.changes}>
            {changes.map((c) => (
              <li key={c.kind + c.name} data-kind={c.kind}>
                {c.kind === 'added' ? (
                  <IconPlus size={14} />
                ) : c.kind === 'removed' ? (
                  <IconMinus size={14} />
                ) : (
                  <IconPencil size={14} />
                )}
                <span className="visually-hidden">{c.kind}</span>
                <code>{c.name}</code> <span className="quiet">{c.what}</span>
              </li>
            ))}
          </ul>
        )}
        {breaking && (
          <p className={classes.warn}>
            Calls that worked before can fail: schedules and callers that give the old arguments.
          </p>
        )}
      </section>
      <Needs signature={signature} />
      {parent && (
        <section>
          <h3>Code</h3>
          {parent.content === version.content ? (
            <p className="quiet">The same as before.</p>
          ) : (
            <div className={classes.diffBox}>
              <DiffView before={parent.content} after={version.content} mode={mode} label="Changes to the code" />
            </div>
          )}
        </section>
      )}
      {problem && <Failing inline trouble={problem} title="It was not deployed" />}
      <Group justify="flex-end" gap="xs">
        <Button onClick={onClose}>Close</Button>
        <Button type="submit" variant="filled" color={theirs ? 'danger' : undefined} loading={busy}>
          {theirs ? 'Deploy mine over it' : 'Deploy'}
        </Button>
      </Group>
    </form>
  );
}

/** The packages and scripts that the code names. */
export function Needs({ signature }: { signature: Signature | undefined }) {
  const packages = signature?.imports ?? [];
  const scripts = signature?.scripts ?? [];
  if (packages.length + scripts.length === 0) return null;
  return (
    <section aria-label="Needs">
      <h3>Needs</h3>
      <ul className={classes.needs}>
        {packages.map((p) => (
          <li key={p}>
            <code>{p}</code>
          </li>
        ))}
        {scripts.map((s) => (
          <li key={s}>
            <code>{s}</code> <span className="quiet">script of this workspace</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
