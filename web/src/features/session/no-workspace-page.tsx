import { Button } from '@mantine/core';
import { IconBuildingCommunity } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { api } from '~/api/client';
import { queryClient } from '~/api/queries';
import { usePlace } from '~/ui/place';
import { Empty } from '~/ui/states';

/** For a person who is signed in and a member of nothing. */
export function NoWorkspacePage() {
  usePlace('No workspace');
  const navigate = useNavigate();
  const signOut = async () => {
    await api.POST('/api/auth/logout', { parseAs: 'text' }).catch(() => undefined);
    queryClient.clear();
    await navigate({ to: '/signin' });
  };
  return (
    <main>
      <Empty
        icon={IconBuildingCommunity}
        title="You are not a member of a workspace yet"
        actions={
          <>
            <Button onClick={() => void navigate({ to: '/' })} variant="filled">
              Look again
            </Button>
            <Button onClick={() => void signOut()}>Sign out</Button>
          </>
        }
      >
        Scripts live in workspaces. Ask an administrator to invite you to one, then look again.
      </Empty>
    </main>
  );
}
