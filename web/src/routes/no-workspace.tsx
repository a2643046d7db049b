import { createFileRoute } from '@tanstack/react-router';
import { NoWorkspacePage } from '~/features/session/no-workspace-page';

export const Route = createFileRoute('/no-workspace')({ component: NoWorkspacePage });
