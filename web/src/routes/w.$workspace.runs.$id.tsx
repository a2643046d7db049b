import { useSuspenseQuery } from '@tanstack/react-query';
import { createFileRoute } from '@tanstack/react-router';
import { jobQuery } from '~/api/queries';
import { RunPage } from '~/features/run/run-page';
import { RUN_TABS, type RunTab } from '~/features/run/run-tabs';
import { usePlace } from '~/ui/place';

export const Route = createFileRoute('/w/$workspace/runs/$id')({
  validateSearch: (s: Record<string, unknown>): { tab?: RunTab } => ({ tab: RUN_TABS.find((t) => t === s.tab) }),
  loader: ({ context, params }) => context.queryClient.ensureQueryData(jobQuery(params.workspace, params.id)),
  component: Page,
});

function Page() {
  const { workspace, id } = Route.useParams();
  const { tab } = Route.useSearch();
  const navigate = Route.useNavigate();
  const { data: run } = useSuspenseQuery(jobQuery(workspace, id));
  usePlace('Runs', run.script_path ?? id.slice(-8));
  return (
    <RunPage
      key={id}
      workspace={workspace}
      id={id}
      tab={tab}
      onTab={(next) => void navigate({ search: { tab: next }, replace: true })}
    />
  );
}
