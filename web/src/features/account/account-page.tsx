import { ActionIcon, Button, CopyButton, Group, Modal, PasswordInput, Select, Switch, TextInput } from '@mantine/core';
import { IconCheck, IconCopy, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, data } from '~/api/client';
import { asProblem } from '~/api/problem';
import { meQuery, type Token, tokensQuery } from '~/api/queries';
import { type Action, ActionButton, useActions } from '~/ui/actions';
import { Page } from '~/ui/page';
import { usePlace } from '~/ui/place';
import { Failing } from '~/ui/states';
import { Time } from '~/ui/time';
import { toastDone, toastFailed } from '~/ui/toast';
import styles from './account.module.css';

/** One's own account: password, personal tokens, sessions. */
export function AccountPage({ workspace }: { workspace: string }) {
  usePlace('Account');
  const { data: me } = useQuery(meQuery);
  const { data: tokens } = useSuspenseQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  const create: Action = {
    id: 'new-token',
    title: 'New token',
    icon: IconPlus,
    group: 'This page',
    run: () => setCreating(true),
  };
  useActions([create]);
  const personal = tokens.filter((t) => t.kind !== 'session');
  const sessions = tokens.filter((t) => t.kind === 'session');
  return (
    <Page title="Account" sub={me?.email} scroll inset>
      <section className={styles.section} aria-labelledby="tokens">
        <header>
          <h2 id="tokens">Tokens</h2>
          <ActionButton action={create} />
        </header>
        <p>A token lets a program act for you: the command line, the API, a webhook’s sender.</p>
        {personal.length > 0 && (
          <div className={styles.list}>
            {personal.map((t) => (
              <TokenRow key={t.id} token={t} />
            ))}
          </div>
        )}
      </section>
      <section className={styles.section} aria-labelledby="sessions">
        <header>
          <h2 id="sessions">Sessions</h2>
        </header>
        <p>Browsers in which you are signed in.</p>
        <div className={styles.list}>
          {sessions.map((t) => (
            <TokenRow key={t.id} token={t} />
          ))}
        </div>
      </section>
      <section className={styles.section} aria-labelledby="password">
        <header>
          <h2 id="password">Password</h2>
        </header>
        <p>Changing it ends all other sessions and tokens.</p>
        <PasswordForm email={me?.email ?? ''} />
      </section>
      <NewToken opened={creating} workspace={workspace} onClose={() => setCreating(false)} />
    </Page>
  );
}

function TokenRow({ token: t }: { token: Token }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      api.DELETE('/api/users/tokens/delete/{token_prefix}', {
        params: { path: { token_prefix: t.id ?? t.token_prefix } },
        parseAs: 'text',
      }),
    onSuccess: () => {
      toastDone(t.kind === 'session' ? 'The session is ended' : `Deleted the token ${t.label ?? t.token_prefix}`);
      void client.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
    onError: (e) => toastFailed('Not deleted', asProblem(e)),
  });
  const name = t.label || (t.kind === 'session' ? 'Browser' : 'Token');
  return (
    <div className={styles.row}>
      <div className={styles.what}>
        <div>
          <strong>{name}</strong> <code className="quiet">{t.token_prefix}…</code>
        </div>
        <div className={styles.facts}>
          {t.current ? (
            'this browser, now'
          ) : (
            <>
              last used <Time at={t.last_used_at} />
            </>
          )}{' '}
          · made <Time at={t.created_at} />
          {t.expiration && (
            <>
              {' '}
              · ends <Time at={t.expiration} />
            </>
          )}
          {t.read_only && ' · read only'}
          {t.workspace_id && ` · ${t.workspace_id} only`}
        </div>
      </div>
      {!t.current && (
        <Button
          size="xs"
          color="danger"
          loading={remove.isPending}
          onClick={() => remove.mutate()}
          aria-label={`${t.kind === 'session' ? 'End' : 'Delete'} ${name} ${t.token_prefix}`}
        >
          {t.kind === 'session' ? 'End' : 'Delete'}
        </Button>
      )}
    </div>
  );
}

const lifetimes = [
  { value: '7', label: 'a week' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: '', label: 'until I delete it' },
];

function NewToken({ opened, workspace, onClose }: { opened: boolean; workspace: string; onClose: () => void }) {
  const client = useQueryClient();
  const [label, setLabel] = useState('');
  const [days, setDays] = useState<string>('90');
  const [readOnly, setReadOnly] = useState(false);
  const [here, setHere] = useState(false);
  const create = useMutation({
    mutationFn: () =>
      data(
        api.POST('/api/users/tokens/create', {
          body: {
            label: label.trim() || undefined,
            expiration: days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : undefined,
            read_only: readOnly || undefined,
            workspace_id: here ? workspace : undefined,
          },
          parseAs: 'text',
        }),
      ),
    onSuccess: () => void client.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
  const close = () => {
    create.reset();
    setLabel('');
    onClose();
  };
  const submit = (e: FormEvent) => {
    e.preventDefault();
    create.mutate();
  };
  return (
    <Modal opened={opened} onClose={close} title="New token" closeButtonProps={{ 'aria-label': 'Close' }}>
      {create.data ? (
        <>
          <p className="quiet" style={{ margin: 0 }}>
            Copy it now: it is not shown again.
          </p>
          <div className={styles.secret}>
            <code data-testid="secret">{create.data}</code>
            <CopyButton value={create.data}>
              {({ copied, copy }) => (
                <ActionIcon onClick={copy} aria-label="Copy the token">
                  {copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
                </ActionIcon>
              )}
            </CopyButton>
          </div>
          <Group justify="flex-end">
            <Button variant="filled" onClick={close}>
              Done
            </Button>
          </Group>
        </>
      ) : (
        <form className={styles.form} style={{ maxWidth: 'none' }} onSubmit={submit}>
          <TextInput
            label="What for"
            placeholder="laptop"
            data-autofocus
            value={label}
            onChange={(e) => setLabel(e.currentTarget.value)}
          />
          <Select
            label="Works for"
            data={lifetimes}
            value={days}
            onChange={(v) => setDays(v ?? '90')}
            allowDeselect={false}
          />
          <Switch label="May only read" checked={readOnly} onChange={(e) => setReadOnly(e.currentTarget.checked)} />
          <Switch
            label={`Only in the workspace ${workspace}`}
            checked={here}
            onChange={(e) => setHere(e.currentTarget.checked)}
          />
          {create.isError && <Failing trouble={asProblem(create.error)} inline />}
          <Group justify="flex-end" gap="xs">
            <Button onClick={close}>Close</Button>
            <Button type="submit" variant="filled" loading={create.isPending}>
              Create
            </Button>
          </Group>
        </form>
      )}
    </Modal>
  );
}

function PasswordForm({ email }: { email: string }) {
  const client = useQueryClient();
  const [old, setOld] = useState('');
  const [password, setPassword] = useState('');
  const change = useMutation({
    mutationFn: () => api.POST('/api/users/setpassword', { body: { password, old_password: old }, parseAs: 'text' }),
    onSuccess: () => {
      setOld('');
      setPassword('');
      toastDone('The password is changed');
      void client.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
  });
  const problem = change.isError ? asProblem(change.error) : undefined;
  const fieldError = (path: string) => problem?.fields.find((f) => f.path === path)?.message;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    change.mutate();
  };
  const toggle = { 'aria-label': 'Show the password' };
  return (
    <form className={styles.form} onSubmit={submit}>
      {/* For password managers: whose password it is. */}
      <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
      <PasswordInput
        label="Present password"
        autoComplete="current-password"
        value={old}
        onChange={(e) => setOld(e.currentTarget.value)}
        error={fieldError('old_password')}
        visibilityToggleButtonProps={toggle}
      />
      <PasswordInput
        label="New password"
        description="At least 10 characters"
        autoComplete="new-password"
        required
        withAsterisk={false}
        minLength={10}
        value={password}
        onChange={(e) => setPassword(e.currentTarget.value)}
        error={fieldError('password')}
        visibilityToggleButtonProps={toggle}
      />
      {problem && problem.fields.length === 0 && <Failing trouble={problem} inline />}
      <div>
        <Button type="submit" loading={change.isPending}>
          Change the password
        </Button>
      </div>
    </form>
  );
}
