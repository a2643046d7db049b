import { createFileRoute } from '@tanstack/react-router';
import { workersQuery } from '~/api/queries';
import { WorkersPage } from '~/features/workers/workers-page';

export const Route = createFileRoute('/w/$workspace/workers')({
  loader: ({ context }) => context.queryClient.ensureQueryData(workersQuery),
  component: WorkersPage,
});
