import { createFileRoute } from '@tanstack/react-router';
import { welcomeQuery } from '~/api/queries';
import { WelcomePage } from '~/features/welcome/welcome-page';

export const Route = createFileRoute('/welcome')({
  validateSearch: (s: Record<string, unknown>): { token?: string } => ({
    token: typeof s.token === 'string' && s.token !== '' ? s.token : undefined,
  }),
  loaderDeps: ({ search }) => ({ token: search.token }),
  // A link that is used up answers with an error; the page tells what to do then, so it must not stop the loader.
  loader: async ({ context, deps }) => {
    if (deps.token) await context.queryClient.prefetchQuery(welcomeQuery(deps.token));
  },
  component: Page,
});

function Page() {
  const { token } = Route.useSearch();
  return <WelcomePage token={token} />;
}
