import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '~/api/problem';
import type { Job } from '~/api/queries';
import { argsUrl, type LoadedValue, resultUrl, SHOWN_TEXT } from '~/api/result';
import { Failing, Skeleton } from '~/ui/states';
import { BigValue } from '~/ui/value-view/big-value';
import { ValueView } from '~/ui/value-view/value-view';
import classes from './run.module.css';
import { argsQuery, resultQuery } from './use-run';

/** The result of a final run. */
export function ResultPane({
  workspace,
  id,
  heading,
  excerpt,
}: {
  workspace: string;
  id: string;
  heading?: string;
  excerpt?: ReactNode;
}) {
  return (
    <Loaded
      key={id}
      loaded={useQuery(resultQuery(workspace, id))}
      url={resultUrl(workspace, id)}
      label="Result"
      fileName={`result-${id.slice(-8)}`}
      heading={heading}
      excerpt={excerpt}
    />
  );
}

/** The arguments of a run; large ones are asked for on their own. */
export function ArgumentsPane({ workspace, job }: { workspace: string; job: Job }) {
  const fileName = `arguments-${job.id.slice(-8)}`;
  const loaded = useQuery({ ...argsQuery(workspace, job.id), enabled: job.args_too_big === true });
  if (!job.args_too_big) return <ValueView value={job.args ?? {}} label="Arguments" fileName={fileName} />;
  return <Loaded loaded={loaded} url={argsUrl(workspace, job.id)} label="Arguments" fileName={fileName} />;
}

// One text, be it markdown, a picture or a page, is laid out as a whole.
function isText(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return typeof value === 'string';
  const parts = Object.values(value);
  return parts.length === 1 && typeof parts[0] === 'string';
}

function Loaded({
  loaded,
  url,
  label,
  fileName,
  heading,
  excerpt,
}: {
  loaded: UseQueryResult<LoadedValue & { value: unknown }>;
  url: string;
  label: string;
  fileName: string;
  heading?: string;
  excerpt?: ReactNode;
}) {
  if (loaded.isError) return <Failing inline trouble={asProblem(loaded.error)} retry={() => void loaded.refetch()} />;
  if (!loaded.data) {
    return (
      <div className={classes.pad}>
        <Skeleton width="40%" />
      </div>
    );
  }
  const { text, size, whole, value } = loaded.data;
  if (!whole || (text.length > SHOWN_TEXT && isText(value)))
    return <BigValue text={text} size={size} label={label} fileName={fileName} downloadUrl={url} />;
  return (
    <ValueView value={value} label={label} heading={heading} fileName={fileName} downloadUrl={url} excerpt={excerpt} />
  );
}
