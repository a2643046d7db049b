import { createFileRoute } from '@tanstack/react-router';

export const Route = createFileRoute('/w/$workspace/scripts/get/$')({
  validateSearch: (s: Record<string, unknown>): { hash?: string } => ({ hash: typeof s.hash === 'string' ? s.hash : undefined }),
  component: () => null,
});
