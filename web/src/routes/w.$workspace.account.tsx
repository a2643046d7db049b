import { createFileRoute } from '@tanstack/react-router';
import { tokensQuery } from '~/api/queries';
import { AccountPage } from '~/features/account/account-page';

export const Route = createFileRoute('/w/$workspace/account')({
  loader: ({ context }) => context.queryClient.ensureQueryData(tokensQuery),
  component: Page,
});

function Page() {
  const { workspace } = Route.useParams();
  return <AccountPage workspace={workspace} />;
}
