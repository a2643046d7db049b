import { asProblem } from '~/api/problem';

export function ProblemPage({ error }: { error: unknown }) {
  return <h1>{asProblem(error).message}</h1>;
}
