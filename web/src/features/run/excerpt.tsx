import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Job } from '~/api/queries';
import { errorOf, failingLine } from './job';
import classes from './run.module.css';
import { resultQuery, runCodeQuery } from './use-run';

/** The user's lines around the one that failed. */
export function CodeExcerpt({
  workspace,
  job,
  renderAction,
}: {
  workspace: string;
  job: Job;
  renderAction?: (line: number) => ReactNode;
}) {
  const { data: result } = useQuery(resultQuery(workspace, job.id));
  const { data: code } = useQuery(runCodeQuery(workspace, job));
  const error = errorOf(result?.value);
  if (!error || !code || code.content === '') return null;
  const lines = code.content.split('\n');
  const at = failingLine(error.stack || error.message, lines.length);
  if (at === 0) return null;
  const from = Math.max(1, at - 3);
  const to = Math.min(lines.length, at + 3);
  return (
    <figure className={classes.excerpt}>
      <figcaption>
        <span>
          Line {at}
          {job.script_path ? (
            <>
              {' '}
              of <code>{job.script_path}</code>
            </>
          ) : (
            ' of the code'
          )}
        </span>
        {renderAction?.(at)}
      </figcaption>
      <pre tabIndex={0} aria-label={`The code around line ${at}`}>
        {lines.slice(from - 1, to).map((text, i) => {
          const n = from + i;
          return (
            <span key={n} className={n === at ? classes.hot : classes.cold} data-hot={n === at || undefined}>
              <span className={classes.lineNumber}>{n}</span>
              {text}
              {'\n'}
            </span>
          );
        })}
      </pre>
    </figure>
  );
}
