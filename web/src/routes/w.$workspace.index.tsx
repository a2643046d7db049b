import { createFileRoute } from '@tanstack/react-router';
import { scriptsQuery } from '~/api/queries';
import { HomePage } from '~/features/home/home-page';

export type HomeSearch = { q?: string };

export const Route = createFileRoute('/w/$workspace/')({
  validateSearch: (s: Record<string, unknown>): HomeSearch => ({
    q: typeof s.q === 'string' && s.q !== '' ? s.q : undefined,
  }),
  loader: ({ context, params }) => context.queryClient.ensureQueryData(scriptsQuery(params.workspace)),
  component: Page,
});

function Page() {
  const { workspace } = Route.useParams();
  const { q } = Route.useSearch();
  return <HomePage workspace={workspace} query={q ?? ''} />;
}
