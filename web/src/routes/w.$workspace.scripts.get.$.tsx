import { useSuspenseQuery } from '@tanstack/react-query';
import { createFileRoute } from '@tanstack/react-router';
import { languagesQuery, scriptQuery } from '~/api/queries';
import { versionQuery } from '~/api/scripts';
import { lastRunsQuery } from '~/features/script/last-runs';
import { ScriptPage } from '~/features/script/script-page';
import { SCRIPT_TABS, type ScriptTab } from '~/features/script/script-tabs';
import { pathTrail, usePlace } from '~/ui/place';

export type ScriptSearch = { tab?: ScriptTab; hash?: string };

export const Route = createFileRoute('/w/$workspace/scripts/get/$')({
  validateSearch: (s: Record<string, unknown>): ScriptSearch => ({
    tab: SCRIPT_TABS.find((t) => t === s.tab),
    // An all-digit hash arrives as a number from the address.
    hash: typeof s.hash === 'string' || typeof s.hash === 'number' ? String(s.hash) : undefined,
  }),
  loaderDeps: ({ search: { hash } }) => ({ hash }),
  loader: async ({ context, params, deps }) => {
    const { _splat: path = '' } = params;
    const [languages, , , older] = await Promise.all([
      context.queryClient.ensureQueryData(languagesQuery),
      context.queryClient.ensureQueryData(scriptQuery(params.workspace, path)),
      context.queryClient.ensureQueryData(lastRunsQuery(params.workspace, path)),
      deps.hash ? context.queryClient.ensureQueryData(versionQuery(params.workspace, deps.hash)) : undefined,
    ]);
    return { languages, older };
  },
  component: Page,
});

function Page() {
  const { workspace, _splat: path = '' } = Route.useParams();
  const { tab } = Route.useSearch();
  const { languages, older } = Route.useLoaderData();
  const { data: script } = useSuspenseQuery(scriptQuery(workspace, path));
  const navigate = Route.useNavigate();
  usePlace(...pathTrail(path));
  return (
    <ScriptPage
      key={path}
      workspace={workspace}
      script={script}
      older={older && older.hash !== script.hash ? older : undefined}
      languages={languages}
      tab={tab}
      onTab={(next) => void navigate({ search: (old) => ({ ...old, tab: next }), replace: true })}
    />
  );
}
