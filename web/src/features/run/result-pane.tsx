import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '~/api/problem';
import { resultUrl } from '~/api/result';
import { Failing, Skeleton } from '~/ui/states';
import { BigValue } from '~/ui/value-view/big-value';
import { ValueView } from '~/ui/value-view/value-view';
import classes from './run.module.css';
import { resultQuery } from './use-run';

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
  const result = useQuery(resultQuery(workspace, id));
  if (result.isError) return <Failing inline trouble={asProblem(result.error)} retry={() => void result.refetch()} />;
  if (!result.data) {
    return (
      <div className={classes.pad}>
        <Skeleton width="40%" />
      </div>
    );
  }
  const name = `result-${id.slice(-8)}`;
  const url = resultUrl(workspace, id);
  if (!result.data.whole) {
    return (
      <BigValue text={result.data.text} size={result.data.size} label="Result" fileName={name} downloadUrl={url} />
    );
  }
  return (
    <ValueView
      key={id}
      value={result.data.value}
      label="Result"
      heading={heading}
      fileName={name}
      downloadUrl={url}
      excerpt={excerpt}
    />
  );
}
