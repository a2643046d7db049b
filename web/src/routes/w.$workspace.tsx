import { createFileRoute } from '@tanstack/react-router';
import { Frame } from '~/features/frame/frame';
import { enterWorkspace } from '~/features/session/enter';

export const Route = createFileRoute('/w/$workspace')({
  beforeLoad: ({ context, params, location }) => enterWorkspace(context.queryClient, params.workspace, location.href),
  component: FramedPages,
});

function FramedPages() {
  const { workspace } = Route.useParams();
  const { me, workspaces, member } = Route.useRouteContext();
  return <Frame workspace={workspace} workspaces={workspaces} me={me} member={member} />;
}
