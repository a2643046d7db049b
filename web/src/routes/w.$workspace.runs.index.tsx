import { createFileRoute } from '@tanstack/react-router';
import { type JobFilter, jobsQuery } from '~/api/queries';
import { RunsPage } from '~/features/runs/runs-page';

const statuses = ['queued', 'running', 'success', 'failure', 'canceled'] as const;

function readFilter(s: Record<string, unknown>): JobFilter {
  const text = (v: unknown) => (typeof v === 'string' && v !== '' ? v : undefined);
  return {
    status: statuses.find((x) => x === s.status),
    path: text(s.path),
    script: text(s.script),
    by: text(s.by),
    kinds: s.kinds === 'all' ? 'all' : undefined,
  };
}

export const Route = createFileRoute('/w/$workspace/runs/')({
  validateSearch: readFilter,
  loaderDeps: ({ search }) => search,
  loader: ({ context, params, deps }) => context.queryClient.ensureInfiniteQueryData(jobsQuery(params.workspace, deps)),
  component: Page,
});

function Page() {
  const { workspace } = Route.useParams();
  return <RunsPage workspace={workspace} filter={Route.useSearch()} />;
}
