import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api, data } from '~/api/client';
import { asProblem, type Problem } from '~/api/problem';
import { type Welcome, welcomeQuery } from '~/api/queries';
import { Card } from '~/ui/card';
import { LinkButton } from '~/ui/link-button';
import { usePlace } from '~/ui/place';
import { Failing } from '~/ui/states';

/** Where a one-time link leads: the first administrator and invited people choose a password, known people go on. */
export function WelcomePage({ token }: { token: string | undefined }) {
  usePlace('Welcome');
  const welcome = useQuery({ ...welcomeQuery(token ?? ''), enabled: token !== undefined });
  if (!token) return <DeadLink message="This address lacks the token of a link." />;
  if (welcome.isPending) return null;
  if (welcome.isError) {
    const problem = asProblem(welcome.error);
    if (problem.status === 0) {
      return (
        <Card title="Welcome">
          <Failing trouble={problem} inline retry={() => void welcome.refetch()} />
        </Card>
      );
    }
    return <DeadLink message={problem.message} hint={problem.hint} />;
  }
  return welcome.data.exists ? (
    <Continue token={token} who={welcome.data} />
  ) : (
    <Choose token={token} who={welcome.data} />
  );
}

function DeadLink({ message, hint }: { message: string; hint?: string }) {
  return (
    <Card title="This link does not work" lead={message}>
      {hint ? (
        <p>{hint}</p>
      ) : (
        <p>
          A link works once, and for a day. Ask for a new one, or run <code>tidemill admin invite</code> on the server’s
          own machine.
        </p>
      )}
      <LinkButton to="/signin" fullWidth mt="sm">
        Sign in with a password
      </LinkButton>
    </Card>
  );
}

function useAccept(token: string, first: boolean) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const accept = async (choice: { email?: string; name?: string; password?: string }) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { workspace } = await data(api.POST('/api/auth/welcome', { body: { token, ...choice } }));
      client.clear();
      // Who comes first finds a sample open, ready to run; the others find what is there.
      if (workspace && first) {
        await navigate({
          to: '/w/$workspace/scripts/new',
          params: { workspace },
          search: { sample: 'hello' },
          replace: true,
        });
      } else if (workspace) {
        await navigate({ to: '/w/$workspace', params: { workspace }, replace: true });
      } else {
        await navigate({ to: '/', replace: true });
      }
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return { accept, busy, problem };
}

function Continue({ token, who }: { token: string; who: Welcome }) {
  const { accept, busy, problem } = useAccept(token, false);
  return (
    <Card title="Welcome back" lead="This link signs you in, once.">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void accept({});
        }}
      >
        {problem && <Failing trouble={problem} inline />}
        <Button type="submit" variant="filled" fullWidth loading={busy} autoFocus>
          Continue as {who.name || who.email}
        </Button>
      </form>
      {who.name && <p>{who.email}</p>}
    </Card>
  );
}

function Choose({ token, who }: { token: string; who: Welcome }) {
  const { accept, busy, problem } = useAccept(token, who.first);
  const [name, setName] = useState('');
  const [email, setEmail] = useState(who.email);
  const [password, setPassword] = useState('');
  const fieldError = (path: string) => problem?.fields.find((f) => f.path === path)?.message;
  // What a field says beside itself is not said again below.
  const rest = problem && {
    ...problem,
    message: problem.message,
    fields: problem.fields.filter((f) => !fieldNames.has(f.path)),
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    void accept({ name: name.trim(), password, ...(who.email ? {} : { email: email.trim() }) });
  };
  return (
    <Card
      title={who.first ? 'Welcome to Tidemill' : 'You are invited'}
      lead={
        who.first
          ? 'You are the first here. Choose how you will sign in; you become the administrator.'
          : `Choose how you will sign in${who.workspace ? ` to the workspace ${who.workspace}` : ''}.`
      }
    >
      <form onSubmit={submit}>
        <TextInput
          label="Name"
          autoComplete="name"
          autoFocus
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={fieldError('name')}
        />
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="username"
          required
          withAsterisk={false}
          readOnly={who.email !== ''}
          value={email}
          onChange={(e) => setEmail(e.currentTarget.value)}
          error={fieldError('email')}
        />
        <PasswordInput
          label="Password"
          description="At least 10 characters; a few words are better than symbols"
          autoComplete="new-password"
          required
          withAsterisk={false}
          minLength={10}
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          error={fieldError('password')}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        {rest && <Failing trouble={rest} inline />}
        <Button type="submit" variant="filled" fullWidth loading={busy}>
          {who.first ? 'Start' : 'Join'}
        </Button>
      </form>
    </Card>
  );
}

const fieldNames = new Set(['name', 'email', 'password']);
