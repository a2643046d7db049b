import { Button, Group, Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem, type Problem } from '~/api/problem';
import type { Job } from '~/api/queries';
import { signature as readSignature, rerun } from '~/api/scripts';
import type { JsonSchema, Values } from '~/schema-form/schema';
import { argumentsOf } from '~/schema-form/schema';
import { SchemaForm } from '~/schema-form/schema-form';
import { check, serverProblems } from '~/schema-form/validate';
import { Failing } from '~/ui/states';
import { runCodeQuery } from './use-run';

/** The arguments of a run, to change and run again. */
export function RerunDialog({
  workspace,
  job,
  opened,
  onClose,
  onStarted,
}: {
  workspace: string;
  job: Job;
  opened: boolean;
  onClose: () => void;
  onStarted: (id: string) => void;
}) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Edit and rerun"
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {opened && <Body workspace={workspace} job={job} onClose={onClose} onStarted={onStarted} />}
    </Modal>
  );
}

function Body({
  workspace,
  job,
  onClose,
  onStarted,
}: {
  workspace: string;
  job: Job;
  onClose: () => void;
  onStarted: (id: string) => void;
}) {
  const [values, setValues] = useState<Values>(() => ({ ...(job.args as Values | undefined) }));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const { data: code } = useQuery(runCodeQuery(workspace, job));
  // A test has no stored schema: it is read from its code again.
  const { data: signature } = useQuery({
    queryKey: ['run-signature', workspace, job.id],
    enabled: code !== undefined && !code.schema && code.content !== '',
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => readSignature(workspace, code?.language ?? '', code?.content ?? '', ''),
  });
  const schema = (code?.schema ?? signature?.schema) as JsonSchema | undefined;
  const problems = { ...check(schema, values), ...serverProblems(problem?.fields) };
  const blocked = schema !== undefined && Object.keys(check(schema, values)).length > 0;
  const start = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      onStarted(await rerun(workspace, job.id, argumentsOf(schema, values)));
    } catch (e) {
      setProblem(asProblem(e));
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        if (!blocked) void start();
      }}
    >
      <SchemaForm
        schema={schema}
        values={values}
        onChange={setValues}
        problems={problems}
        empty="This takes no arguments."
      />
      {problem && Object.keys(serverProblems(problem.fields)).length === 0 && <Failing inline trouble={problem} />}
      <Group justify="flex-end" mt="md" gap="xs">
        <Button onClick={onClose}>Close</Button>
        <Button type="submit" variant="filled" loading={busy} disabled={blocked}>
          Run
        </Button>
      </Group>
    </form>
  );
}
