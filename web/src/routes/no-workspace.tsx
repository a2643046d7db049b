import { createFileRoute } from '@tanstack/react-router';

export const Route = createFileRoute('/no-workspace')({
  component: () => <p>You are not a member of any workspace yet. Ask an administrator to invite you.</p>,
});
