import { createFileRoute, redirect } from '@tanstack/react-router';
import { enter } from '~/features/session/enter';

export const Route = createFileRoute('/')({
  beforeLoad: async ({ context }) => {
    const workspace = await enter(context.queryClient);
    if (workspace === undefined) throw redirect({ to: '/no-workspace' });
    throw redirect({ to: '/w/$workspace', params: { workspace } });
  },
});
