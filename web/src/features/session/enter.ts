import type { QueryClient } from '@tanstack/react-query';
import { redirect } from '@tanstack/react-router';
import { isSignedOut } from '~/api/client';
import { memberQuery, meQuery, workspacesQuery } from '~/api/queries';

const LAST = 'tidemill.workspace';

/** Which workspace to open: the last one, else the first; undefined when the viewer is in none. */
export async function enter(client: QueryClient): Promise<string | undefined> {
  const { workspaces } = await orSignIn(client.ensureQueryData(workspacesQuery), '/');
  const last = localStorage.getItem(LAST);
  return (workspaces.find((w) => w.id === last) ?? workspaces[0])?.id;
}

/** Reads who is asking for a page of the workspace. Without anybody signed in it leads to the sign-in page and back to `next`. */
export async function enterWorkspace(client: QueryClient, workspace: string, next: string) {
  const [me, all, member] = await orSignIn(
    Promise.all([
      client.ensureQueryData(meQuery),
      client.ensureQueryData(workspacesQuery),
      client.ensureQueryData(memberQuery(workspace)),
    ]),
    next,
  );
  localStorage.setItem(LAST, workspace);
  return { me, workspaces: all.workspaces, member };
}

async function orSignIn<T>(answer: Promise<T>, next: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isSignedOut(error)) throw error;
    throw redirect({ to: '/signin', search: next === '/' ? {} : { next } });
  }
}
