import { useQueryErrorResetBoundary } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useNotes } from '~/api/live';
import { asProblem } from '~/api/problem';
import { LinkButton } from '~/ui/link-button';
import { usePlace } from '~/ui/place';
import { Failing } from '~/ui/states';

/** In place of a page that could not be opened: what, why, and what to do. */
export function ProblemPage({ error, reset }: { error: unknown; reset: () => void }) {
  const problem = asProblem(error);
  const router = useRouter();
  const queries = useQueryErrorResetBoundary();
  usePlace(problem.status === 404 ? 'Not found' : problem.status === 403 ? 'Not allowed' : 'Problem');
  const retry = () => {
    queries.reset();
    reset();
    void router.invalidate();
  };
  // The server answers again: so does the page, without being asked.
  useNotes((note) => {
    if (note.kind === '' && (problem.status === 0 || problem.status >= 502)) retry();
  });
  return (
    <Failing
      trouble={problem}
      // Asking again changes neither a permission nor whether something exists.
      retry={problem.status === 403 || problem.status === 404 ? undefined : retry}
      actions={<LinkButton to="/">Go home</LinkButton>}
    />
  );
}
