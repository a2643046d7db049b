import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useEffectEvent, useState } from 'react';
import { DiffView } from '~/editor/code-editor';
import { ActionIconButton } from '~/ui/actions';
import { IconPlayerStop } from '@tabler/icons-react';
import { LogView } from '~/ui/log-view/log-view';
import { NARROW, Split } from '~/ui/split';
import { StatusPill } from '~/ui/status-pill';
import { Duration } from '~/ui/time';
import { toastFailed } from '~/ui/toast';
import { jobState } from '~/api/jobs';
import { asProblem } from '~/api/problem';
import { cancel } from '~/api/scripts';
import { formatJson } from '~/ui/value-view/json';
import { errorOf, failingLine } from './job';
import { ResultPane } from './result-pane';
import classes from './run.module.css';
import { resultQuery, useRun } from './use-run';

export interface RunOutputProps {
  workspace: string;
  id: string;
  /** The run before, to compare the result with. */
  previous?: string;
  onDone?: (done: { id: string; success: boolean; failingLine: number; message: string }) => void;
  /** How many lines the code has: to tell lines of the user's from others. */
  lines: number;
}

/** Logs and result of a test run, beneath the code that ran. */
export function RunOutput({ workspace, id, previous, onDone, lines }: RunOutputProps) {
  const { job, feed, state, final } = useRun(workspace, id);
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  const [view, setView] = useState<'result' | 'difference'>('result');
  const { data: result } = useQuery({ ...resultQuery(workspace, id), enabled: final });
  const { data: before } = useQuery({ ...resultQuery(workspace, previous ?? ''), enabled: previous !== undefined });
  const tell = useEffectEvent(() => {
    const error = errorOf(result?.value);
    const failed = job?.success === false && error !== undefined;
    onDone?.({
      id,
      success: job?.success ?? false,
      failingLine: failed ? failingLine(error.stack || error.message, lines) : 0,
      message: failed ? `${error.name}: ${error.message}` : '',
    });
  });
  const known = final && result !== undefined;
  useEffect(() => {
    if (known) tell();
  }, [known, id]);

  const comparable = before?.whole && result?.whole;
  const now = result?.whole ? formatJson(result.value) : '';
  const then = before?.whole ? formatJson(before.value) : '';
  const status = job ? jobState(job) : 'queued';
  return (
    <div className={classes.output}>
      <div className={classes.outputBar}>
        <StatusPill status={status} />
        {job && (
          <span className="quiet">
            {final ? <Duration ms={job.duration_ms} /> : <Duration since={job.started_at ?? job.created_at} />}
          </span>
        )}
        {!final && (state.reason || job?.reason) && <span className="quiet">{state.reason || job?.reason}</span>}
        {!final && (
          <ActionIconButton
            size={26}
            action={{
              id: 'test.cancel',
              title: 'Cancel this test',
              icon: IconPlayerStop,
              danger: true,
              run: () =>
                void cancel(workspace, id).catch((e) => toastFailed('The test was not cancelled', asProblem(e))),
            }}
          />
        )}
        <span className={classes.spring} />
        {comparable && (
          <SegmentedControl
            aria-label="Show"
            value={view}
            onChange={(v) => setView(v as typeof view)}
            data={[
              { value: 'result', label: 'Result' },
              { value: 'difference', label: now === then ? 'No difference' : 'Difference' },
            ]}
          />
        )}
        <Link to="/w/$workspace/runs/$id" params={{ workspace, id }}>
          Open run
        </Link>
      </div>
      <div className={classes.outputBody}>
        <Split
          name={narrow ? 'test-output-narrow' : 'test-output'}
          direction={narrow ? 'column' : 'row'}
          stack
          panes={[
            {
              id: 'logs',
              title: 'Logs',
              size: 45,
              content: (
                <LogView
                  buffer={feed.logs}
                  label="Logs"
                  heading="Logs"
                  live={!state.completed}
                  fileName={`${id}.log`}
                />
              ),
            },
            {
              id: 'result',
              title: 'Result',
              size: 55,
              content: !final ? (
                state.stream ? (
                  <pre className={classes.stream} aria-label="Result so far">
                    {state.stream}
                  </pre>
                ) : (
                  <p className={`${classes.pad} quiet`}>The result comes when the run is done.</p>
                )
              ) : view === 'difference' && comparable ? (
                now === then ? (
                  <p className={`${classes.pad} quiet`}>The result is the same as that of the test before.</p>
                ) : (
                  <DiffView before={then} after={now} mode="json" label="Difference to the test before" />
                )
              ) : (
                <ResultPane workspace={workspace} id={id} heading="Result" />
              ),
            },
          ]}
        />
      </div>
    </div>
  );
}
