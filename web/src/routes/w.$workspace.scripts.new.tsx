import { createFileRoute, notFound } from '@tanstack/react-router';
import { languagesQuery } from '~/api/queries';
import { draft, draftsQuery } from '~/api/scripts';
import { RunOutput } from '~/features/run/run-output';
import { EditorPage, type TestOutput } from '~/features/script/editor-page';
import { newScript } from '~/features/script/new-script';
import { usePlace } from '~/ui/place';

export type NewScriptSearch = { sample?: string; path?: string; language?: string };

export const Route = createFileRoute('/w/$workspace/scripts/new')({
  validateSearch: (s: Record<string, unknown>): NewScriptSearch => ({
    sample: typeof s.sample === 'string' ? s.sample : undefined,
    path: typeof s.path === 'string' ? s.path : undefined,
    language: typeof s.language === 'string' ? s.language : undefined,
  }),
  loaderDeps: ({ search }) => search,
  // What is written here is in the page; a changed address must not load it again.
  shouldReload: false,
  loader: async ({ context, params, deps }) => {
    const [languages, drafts] = await Promise.all([
      context.queryClient.ensureQueryData(languagesQuery),
      context.queryClient.fetchQuery(draftsQuery(params.workspace)),
    ]);
    const start = newScript(
      languages,
      context.member.username,
      deps,
      drafts.map((d) => d.path),
    );
    if (!start) throw notFound();
    const stored = await draft(params.workspace, start.path, drafts);
    return { languages, start, stored };
  },
  component: Page,
});

function Page() {
  const { workspace } = Route.useParams();
  const { languages, start, stored } = Route.useLoaderData();
  const navigate = Route.useNavigate();
  usePlace('New script');
  return (
    <EditorPage
      workspace={workspace}
      languages={languages}
      script={undefined}
      stored={stored}
      start={start}
      onPath={(path) => void navigate({ search: (old) => ({ ...old, path }), replace: true })}
      onDeployed={(path) => void navigate({ to: '/w/$workspace/scripts/get/$', params: { workspace, _splat: path } })}
      renderOutput={renderOutput}
    />
  );
}

const renderOutput: TestOutput = (props) => <RunOutput key={props.id} {...props} />;
