import { Menu, SegmentedControl, useMantineColorScheme } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import {
  IconCheck,
  IconChevronDown,
  IconCode,
  IconHome,
  IconKeyboard,
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconLogout,
  IconPlayerPlay,
  IconQuestionMark,
  IconSearch,
  IconServer2,
  IconUserCircle,
} from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouter } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api } from '~/api/client';
import { live, useLive, useNotes } from '~/api/live';
import { asProblem } from '~/api/problem';
import { scriptsQuery, type Whoami } from '~/api/queries';
import { type Action, ActionIconButton, ActionMenuItem, useActions, useShortcuts } from '~/ui/actions';
import { formatExact } from '~/ui/format';
import { Keys } from '~/ui/keys';
import { Logo } from '~/ui/logo';
import { KeySheet, Palette } from '~/ui/palette';
import { usePlaceStore } from '~/ui/place';
import { toastFailed } from '~/ui/toast';
import styles from './frame.module.css';
import { LiveDot } from './live-dot';

type Props = {
  workspace: string;
  workspaces: { id: string; name: string }[];
  me: { email: string; name?: string };
  member: Whoami;
};

/** What stands around every page of a workspace: the rail, the header, the palette, the keys, and the live stream. */
export function Frame({ workspace, workspaces, me, member }: Props) {
  const [open, setOpen] = useLocalStorage({ key: 'ui.rail', defaultValue: false, getInitialValueInEffect: false });
  const [overlay, setOverlay] = useState<'palette' | 'keys' | undefined>();
  const { state } = useLive();
  useEffect(() => live.open(workspace), [workspace]);
  useFreshLists(workspace);
  useShortcuts();

  const help: Action[] = [
    {
      id: 'palette',
      title: 'Search and commands',
      icon: IconSearch,
      group: 'Everywhere',
      shortcut: 'mod+k',
      run: () => setOverlay((o) => (o === 'palette' ? undefined : 'palette')),
    },
    {
      id: 'keys',
      title: 'Show keys',
      icon: IconKeyboard,
      group: 'Everywhere',
      shortcut: '?',
      run: () => setOverlay('keys'),
    },
  ];
  const places = usePlaces(workspace);
  const account = useAccountActions();
  useActions([...help, ...places, ...account]);

  return (
    <div className={styles.frame} data-open={open || undefined}>
      <a href="#main" className={styles.skip}>
        Skip to the page
      </a>
      <Rail workspace={workspace} open={open} toggle={() => setOpen((o) => !o)} />
      <header className={styles.header}>
        <div className={styles.trail}>
          <WorkspaceMenu workspace={workspace} workspaces={workspaces} />
          <TrailSteps />
        </div>
        <button type="button" className={styles.search} onClick={() => setOverlay('palette')}>
          <IconSearch size={15} stroke={1.8} aria-hidden />
          <span className={styles.label}>Search</span>
          <span className={styles.hint} aria-hidden>
            <Keys shortcut="mod+k" />
          </span>
        </button>
        <ActionIconButton action={{ ...(help[1] as Action), icon: IconQuestionMark }} size={28} />
        <LiveDot />
        <UserMenu me={me} member={member} actions={account} />
      </header>
      <main id="main" className={styles.main} tabIndex={-1} data-stale={state === 'stale' || undefined}>
        {state === 'stale' && <StaleNotice />}
        <div className={styles.page}>
          <Outlet />
        </div>
      </main>
      <FramePalette workspace={workspace} opened={overlay === 'palette'} onClose={() => setOverlay(undefined)} />
      <KeySheet opened={overlay === 'keys'} onClose={() => setOverlay(undefined)} />
    </div>
  );
}

// Notes of the stream make lists look again where they are shown; the pages of one job listen for themselves.
function useFreshLists(workspace: string) {
  const client = useQueryClient();
  useNotes((note) => {
    if (note.kind === '') void client.invalidateQueries();
    if (note.kind === 'deployed') void client.invalidateQueries({ queryKey: ['scripts', workspace] });
  });
}

function Rail({ workspace, open, toggle }: { workspace: string; open: boolean; toggle: () => void }) {
  const params = { workspace };
  const Toggle = open ? IconLayoutSidebarLeftCollapse : IconLayoutSidebarLeftExpand;
  return (
    <nav className={styles.rail} aria-label="Places">
      <Link to="/w/$workspace" params={params} className={styles.logo} aria-label="Tidemill">
        <Logo />
        <span>Tidemill</span>
      </Link>
      <Link
        to="/w/$workspace"
        params={params}
        className={styles.place}
        activeOptions={{ exact: true, includeSearch: false }}
        title="Home"
      >
        <IconHome size={20} stroke={1.6} aria-hidden />
        <span>Home</span>
      </Link>
      <Link
        to="/w/$workspace/runs"
        params={params}
        className={styles.place}
        activeOptions={{ includeSearch: false }}
        title="Runs"
      >
        <IconPlayerPlay size={20} stroke={1.6} aria-hidden />
        <span>Runs</span>
      </Link>
      <Link to="/w/$workspace/workers" params={params} className={styles.place} title="Workers">
        <IconServer2 size={20} stroke={1.6} aria-hidden />
        <span>Workers</span>
      </Link>
      <Link to="/w/$workspace/account" params={params} className={styles.place} title="Account">
        <IconUserCircle size={20} stroke={1.6} aria-hidden />
        <span>Account</span>
      </Link>
      <div className={styles.space} />
      <button
        type="button"
        className={`${styles.place} ${styles.toggle}`}
        onClick={toggle}
        aria-expanded={open}
        title={open ? 'Narrow the rail' : 'Widen the rail'}
      >
        <Toggle size={20} stroke={1.6} aria-hidden />
        <span>{open ? 'Narrow' : 'Widen'}</span>
      </button>
    </nav>
  );
}

function WorkspaceMenu({ workspace, workspaces }: { workspace: string; workspaces: { id: string; name: string }[] }) {
  const navigate = useNavigate();
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <button type="button" className={styles.workspace}>
          <span className="visually-hidden">Workspace </span>
          <span>{workspace}</span>
          <IconChevronDown size={14} stroke={1.8} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Workspaces</Menu.Label>
        {workspaces.map((w) => (
          <Menu.Item
            key={w.id}
            onClick={() => void navigate({ to: '/w/$workspace', params: { workspace: w.id } })}
            rightSection={w.id === workspace && <IconCheck size={14} aria-label="open" />}
          >
            {w.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function TrailSteps() {
  const trail = usePlaceStore((s) => s.trail);
  return trail.map((step) => (
    <span key={step} className={styles.step} title={step}>
      <span>{step}</span>
    </span>
  ));
}

function UserMenu({ me, member, actions }: { me: Props['me']; member: Whoami; actions: Action[] }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const name = member.username || me.email;
  return (
    <Menu width={230}>
      <Menu.Target>
        <button type="button" className={styles.user}>
          <span className={styles.face} data-letter={name.slice(0, 1)} aria-hidden />
          <span className="visually-hidden">Account of </span>
          <span className={styles.label}>{name}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.email}
          <br />
          {member.is_admin ? 'Administrator' : member.operator ? 'Operator' : 'Developer'} here
        </Menu.Label>
        <div style={{ padding: '4px 8px 8px' }}>
          <SegmentedControl
            fullWidth
            aria-label="Colour scheme"
            value={colorScheme}
            onChange={(v) => setColorScheme(v === 'light' || v === 'dark' ? v : 'auto')}
            data={[
              { value: 'auto', label: 'System' },
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
            ]}
          />
        </div>
        <Menu.Divider />
        {actions.map((a) => (
          <ActionMenuItem key={a.id} action={a} />
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function StaleNotice() {
  const since = useLive((s) => s.since);
  return (
    <div className={styles.stale} role="status">
      The server has not answered since {formatExact(new Date(since))}. What you see is from then; trying again.
    </div>
  );
}

function usePlaces(workspace: string): Action[] {
  const navigate = useNavigate();
  const params = { workspace };
  const group = 'Go to';
  return [
    {
      id: 'go-home',
      title: 'Home',
      icon: IconHome,
      group,
      shortcut: 'g h',
      keywords: 'scripts start',
      run: () => void navigate({ to: '/w/$workspace', params }),
    },
    {
      id: 'go-runs',
      title: 'Runs',
      icon: IconPlayerPlay,
      group,
      shortcut: 'g r',
      keywords: 'jobs history',
      run: () => void navigate({ to: '/w/$workspace/runs', params }),
    },
    {
      id: 'go-workers',
      title: 'Workers',
      icon: IconServer2,
      group,
      shortcut: 'g w',
      keywords: 'machines slots',
      run: () => void navigate({ to: '/w/$workspace/workers', params }),
    },
    {
      id: 'go-account',
      title: 'Account',
      icon: IconUserCircle,
      group,
      shortcut: 'g a',
      keywords: 'password tokens sessions settings',
      run: () => void navigate({ to: '/w/$workspace/account', params }),
    },
    {
      id: 'new-script',
      title: 'New script',
      icon: IconCode,
      group: 'Create',
      shortcut: 'c',
      run: () => void navigate({ to: '/w/$workspace/scripts/new', params }),
    },
  ];
}

function useAccountActions(): Action[] {
  const router = useRouter();
  const client = useQueryClient();
  const signOut = async () => {
    try {
      await api.POST('/api/auth/logout', { parseAs: 'text' });
    } catch (error) {
      const problem = asProblem(error);
      // A session that is over already is signed out.
      if (problem.status !== 401) return toastFailed('You are still signed in', problem);
    }
    client.clear();
    await router.navigate({ to: '/signin' });
  };
  return [{ id: 'sign-out', title: 'Sign out', icon: IconLogout, group: 'Everywhere', run: () => void signOut() }];
}

// Scripts are places too: the palette finds them by path and summary.
function FramePalette({ workspace, opened, onClose }: { workspace: string; opened: boolean; onClose: () => void }) {
  const navigate = useNavigate();
  const { data = [] } = useQuery({ ...scriptsQuery(workspace), enabled: opened });
  const places: Action[] = data.map((s) => ({
    id: `script:${s.path}`,
    title: s.path,
    icon: IconCode,
    group: 'Scripts',
    keywords: s.summary,
    run: () => void navigate({ to: '/w/$workspace/scripts/get/$', params: { workspace, _splat: s.path } }),
  }));
  return <Palette opened={opened} onClose={onClose} places={places} />;
}
