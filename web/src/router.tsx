import { createRouter } from '@tanstack/react-router';
import { queryClient } from './api/queries';
import { NotFoundPage } from './features/frame/not-found';
import { ProblemPage } from './features/frame/problem-page';
import { routeTree } from './routeTree.gen';

/** All pages; a file each under routes/. Links are typed by it: no path is written by hand. */
export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  // What is on the screen stays until the next view has its data.
  defaultPendingMs: 400,
  defaultPendingMinMs: 0,
  defaultErrorComponent: ProblemPage,
  defaultNotFoundComponent: NotFoundPage,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
