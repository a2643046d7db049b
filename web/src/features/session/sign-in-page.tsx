export function SignInPage({ next }: { next: string | undefined }) {
  return <h1>Sign in {next}</h1>;
}
