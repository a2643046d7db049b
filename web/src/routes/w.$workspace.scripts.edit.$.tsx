import { createFileRoute, redirect } from '@tanstack/react-router';
import { Problem } from '~/api/problem';
import { languagesQuery, scriptQuery } from '~/api/queries';
import { draft } from '~/api/scripts';
import { RunOutput } from '~/features/run/run-output';
import { draftOf, EditorPage, type TestOutput } from '~/features/script/editor-page';
import { pathTrail, usePlace } from '~/ui/place';

export const Route = createFileRoute('/w/$workspace/scripts/edit/$')({
  validateSearch: (s: Record<string, unknown>): { line?: number } => ({
    line: Number.isInteger(s.line) && Number(s.line) > 0 ? Number(s.line) : undefined,
  }),
  // What is written here is in the page: it is loaded once, not again behind the writer's back.
  shouldReload: false,
  gcTime: 0,
  loader: async ({ context, params }) => {
    const { _splat: path = '' } = params;
    const [languages, script, stored] = await Promise.all([
      context.queryClient.ensureQueryData(languagesQuery),
      context.queryClient.fetchQuery({ ...scriptQuery(params.workspace, path), staleTime: 0 }).catch((e: unknown) => {
        if (e instanceof Problem && e.status === 404) return e;
        throw e;
      }),
      draft(params.workspace, path),
    ]);
    if (script instanceof Problem) {
      if (!stored) throw script;
      // What was never deployed is gone on with where it was begun.
      throw redirect({
        to: '/w/$workspace/scripts/new',
        params: { workspace: params.workspace },
        search: { path },
        replace: true,
      });
    }
    return { languages, script, stored };
  },
  component: Page,
});

function Page() {
  const { workspace } = Route.useParams();
  const { line } = Route.useSearch();
  const { languages, script, stored } = Route.useLoaderData();
  const navigate = Route.useNavigate();
  usePlace(...pathTrail(script.path), 'Edit');
  return (
    <EditorPage
      key={script.path}
      workspace={workspace}
      languages={languages}
      script={script}
      stored={stored}
      start={draftOf(script)}
      line={line}
      onDeployed={(path) => void navigate({ to: '/w/$workspace/scripts/get/$', params: { workspace, _splat: path } })}
      renderOutput={renderOutput}
    />
  );
}

const renderOutput: TestOutput = (props) => <RunOutput key={props.id} {...props} />;
