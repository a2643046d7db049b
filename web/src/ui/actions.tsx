import { ActionIcon, Button, type ButtonProps, Menu, Tooltip } from '@mantine/core';
import type { IconCheck } from '@tabler/icons-react';
import { useEffect, useEffectEvent, useId } from 'react';
import { create } from 'zustand';
import { Keys } from './keys';
import { matchesChord, parseShortcut, worksWhileTyping } from './shortcut';

/** What a person can do here, as a value: buttons, menus, shortcuts and the palette all show the same one. */
export type Action = {
  id: string;
  /** A verb, or the name of a place: "Run", "Go to runs". */
  title: string;
  icon?: typeof IconCheck;
  /** Heading in the palette and the sheet of keys. */
  group?: string;
  shortcut?: string;
  /** More words that find it. */
  keywords?: string;
  /** Why it cannot be done now; absent: it can. */
  disabled?: string;
  danger?: boolean;
  run: () => void;
};

type Registry = { sets: Record<string, Action[]> };

const useRegistry = create<Registry>(() => ({ sets: {} }));

/** All actions of what is on the screen, those of the innermost part first. */
export function useAllActions(): Action[] {
  const sets = useRegistry((r) => r.sets);
  return Object.values(sets).reverse().flat();
}

/** Offers actions to the palette and the keyboard while the component is mounted. */
export function useActions(actions: Action[]) {
  const id = useId();
  // A new set per render would loop; what matters is what a person can see of it, and `run` is looked up late.
  const shown = JSON.stringify(actions.map(({ run: _, icon: __, ...rest }) => rest));
  const current = useEffectEvent((actionId: string) => actions.find((a) => a.id === actionId));
  const build = useEffectEvent(() =>
    actions.map((a) => ({
      ...a,
      run: () => {
        const now = current(a.id);
        if (now && !now.disabled) now.run();
      },
    })),
  );
  useEffect(() => {
    void shown;
    const set = build();
    useRegistry.setState((r) => ({ sets: { ...r.sets, [id]: set } }));
    return () =>
      useRegistry.setState((r) => {
        const { [id]: _, ...rest } = r.sets;
        return { sets: rest };
      });
  }, [id, shown]);
}

// How long the second key of a sequence may take.
const SEQUENCE_MS = 1200;

/** Listens for the shortcuts of all offered actions; mounted once, by the frame. */
export function useShortcuts() {
  const actions = useAllActions();
  const find = useEffectEvent((presses: KeyboardEvent[], typing: boolean) =>
    actions.find((a) => {
      if (!a.shortcut || (typing && !worksWhileTyping(a.shortcut))) return false;
      const chords = parseShortcut(a.shortcut);
      const recent = presses.slice(-chords.length);
      return (
        recent.length === chords.length && chords.every((c, i) => recent[i] !== undefined && matchesChord(c, recent[i]))
      );
    }),
  );
  useEffect(() => {
    let presses: KeyboardEvent[] = [];
    const onKey = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.isComposing || ['Control', 'Meta', 'Shift', 'Alt'].includes(e.key)) return;
      const typing = isTyping(e.target);
      presses = [...presses.filter((p) => e.timeStamp - p.timeStamp < SEQUENCE_MS), e].slice(-2);
      const action = find(presses, typing);
      if (!action) return;
      // A dialog on top has the keyboard, except for what works everywhere.
      if (document.querySelector('[role="dialog"][aria-modal="true"]') && !worksWhileTyping(action.shortcut ?? ''))
        return;
      e.preventDefault();
      presses = [];
      if (!action.disabled) action.run();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName);
}

/** An action as a button with its words. */
export function ActionButton({ action, compact, ...look }: { action: Action; compact?: boolean } & ButtonProps) {
  const Icon = action.icon;
  const button = (
    <Button
      {...look}
      color={action.danger ? 'danger' : look.color}
      leftSection={Icon && <Icon size={16} stroke={1.8} aria-hidden />}
      onClick={action.run}
      disabled={look.disabled ?? action.disabled !== undefined}
      aria-keyshortcuts={action.shortcut}
    >
      {compact ? <span className="visually-hidden">{action.title}</span> : action.title}
    </Button>
  );
  return <WithHint action={action}>{button}</WithHint>;
}

/** An action as an icon; its words are on hover and for screen readers. */
export function ActionIconButton({ action, size }: { action: Action; size?: number }) {
  const Icon = action.icon;
  return (
    <WithHint action={action} always>
      <ActionIcon
        aria-label={action.title}
        aria-keyshortcuts={action.shortcut}
        disabled={action.disabled !== undefined}
        color={action.danger ? 'danger' : 'gray'}
        onClick={action.run}
        size={size}
      >
        {Icon && <Icon size={18} stroke={1.7} aria-hidden />}
      </ActionIcon>
    </WithHint>
  );
}

/** An action as a row of a Mantine menu. */
export function ActionMenuItem({ action }: { action: Action }) {
  const Icon = action.icon;
  return (
    <Menu.Item
      leftSection={Icon && <Icon size={16} stroke={1.7} aria-hidden />}
      rightSection={action.shortcut && <Keys shortcut={action.shortcut} />}
      color={action.danger ? 'red' : undefined}
      disabled={action.disabled !== undefined}
      title={action.disabled}
      onClick={action.run}
    >
      {action.title}
    </Menu.Item>
  );
}

function WithHint({ action, always, children }: { action: Action; always?: boolean; children: React.ReactElement }) {
  if (!always && !action.disabled && !action.shortcut) return children;
  const label = (
    <span>
      {action.disabled ?? (always ? action.title : '')}{' '}
      {!action.disabled && action.shortcut && <Keys shortcut={action.shortcut} />}
    </span>
  );
  // A disabled button has no hover of its own.
  return <Tooltip label={label}>{action.disabled ? <span>{children}</span> : children}</Tooltip>;
}
