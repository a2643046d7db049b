import { createFileRoute } from '@tanstack/react-router';
import { SignInPage } from '~/features/session/sign-in-page';

export const Route = createFileRoute('/signin')({
  validateSearch: (s: Record<string, unknown>): { next?: string } => ({
    // Only an address of our own: a link from elsewhere must not lead away after signing in.
    next: typeof s.next === 'string' && /^\/(?![/\\])/.test(s.next) ? s.next : undefined,
  }),
  component: Page,
});

function Page() {
  const { next } = Route.useSearch();
  return <SignInPage next={next} />;
}
