import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api } from '~/api/client';
import { asProblem, type Problem } from '~/api/problem';
import { Card } from '~/ui/card';
import { usePlace } from '~/ui/place';
import { Failing } from '~/ui/states';

/** Signing in with e-mail and password; leads back to the page that asked for it. */
export function SignInPage({ next }: { next: string | undefined }) {
  usePlace('Sign in');
  const navigate = useNavigate();
  const router = useRouter();
  const client = useQueryClient();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();

  const signIn = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await api.POST('/api/auth/login', { body: { email: email.trim(), password }, parseAs: 'text' });
      client.clear();
      if (next) router.history.push(next);
      else await navigate({ to: '/' });
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };

  return (
    <Card title="Sign in to Tidemill">
      <form onSubmit={(e) => void signIn(e)}>
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="username"
          autoFocus
          required
          withAsterisk={false}
          value={email}
          onChange={(e) => setEmail(e.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        {problem && <Failing trouble={problem} inline />}
        <Button type="submit" variant="filled" fullWidth loading={busy}>
          Sign in
        </Button>
      </form>
      <p>
        No account, or the password is lost? An administrator can send you a link. On the server’s own machine,{' '}
        <code>tidemill admin reset-password</code> makes one.
      </p>
    </Card>
  );
}
