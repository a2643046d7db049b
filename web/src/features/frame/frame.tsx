import { Outlet } from '@tanstack/react-router';
import type { Whoami } from '~/api/queries';

export function Frame(_: { workspace: string; workspaces: { id: string; name: string }[]; me: { email: string }; member: Whoami }) {
  return <Outlet />;
}
