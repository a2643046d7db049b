import { Modal } from '@mantine/core';
import { IconCommand } from '@tabler/icons-react';
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { type Action, useAllActions } from './actions';
import { Keys } from './keys';
import styles from './palette.module.css';
import { search } from './search';

const MOST = 60;

/** Everything that can be done or opened from here, found by typing. */
export function Palette({ opened, onClose, places }: { opened: boolean; onClose: () => void; places: Action[] }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={600}
      attributes={{ content: { 'aria-label': 'Command palette' } }}
      transitionProps={{ duration: 80 }}
    >
      <PaletteContent places={places} onClose={onClose} />
    </Modal>
  );
}

function PaletteContent({ places, onClose }: { places: Action[]; onClose: () => void }) {
  const base = useId();
  const actions = useAllActions();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);

  const found = useMemo(() => {
    const all = query.trim() === '' ? [...actions, ...places.slice(0, 8)] : [...actions, ...places];
    const seen = new Set<string>();
    // Opening what is open already is no command.
    const unique = all.filter((a) => a.id !== 'palette' && !seen.has(a.id) && seen.add(a.id));
    return inGroups(search(query, unique, (a) => `${a.title} ${a.keywords ?? ''} ${a.group ?? ''}`).slice(0, MOST));
  }, [query, actions, places]);
  const current = Math.min(at, found.length - 1);

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  });

  const start = (action: Action | undefined) => {
    if (!action || action.disabled) return;
    onClose();
    action.run();
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing) return;
    if (e.key === 'ArrowDown') setAt((current + 1) % Math.max(1, found.length));
    else if (e.key === 'ArrowUp') setAt((current - 1 + found.length) % Math.max(1, found.length));
    else if (e.key === 'Enter') start(found[current]);
    else return;
    e.preventDefault();
  };

  return (
    <div className={styles.content}>
      <div className={styles.field}>
        <IconCommand size={18} stroke={1.6} aria-hidden />
        <input
          className={styles.input}
          placeholder="Type a command or the name of a thing"
          aria-label="Search commands"
          role="combobox"
          aria-expanded
          aria-controls={`${base}-list`}
          aria-activedescendant={found.length > 0 ? `${base}-${current}` : undefined}
          data-autofocus
          value={query}
          onChange={(e) => {
            setQuery(e.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          spellCheck={false}
          autoComplete="off"
        />
        <Keys shortcut="escape" />
      </div>
      <div ref={list} id={`${base}-list`} role="listbox" aria-label="Commands" className={styles.list}>
        {found.map((action, i) => {
          const Icon = action.icon;
          const opens = found[i - 1]?.group !== action.group && action.group;
          return (
            <div key={action.id} role="presentation">
              {opens && (
                <div className={styles.group} role="presentation">
                  {action.group}
                </div>
              )}
              <div
                id={`${base}-${i}`}
                role="option"
                aria-selected={i === current}
                aria-disabled={action.disabled !== undefined}
                tabIndex={-1}
                className={styles.item}
                onMouseMove={() => i !== current && setAt(i)}
                onClick={() => start(action)}
                onKeyDown={onKeyDown}
              >
                {Icon && <Icon size={17} stroke={1.6} aria-hidden />}
                <span className={styles.title}>{action.title}</span>
                {action.disabled && <span className={styles.why}>{action.disabled}</span>}
                {action.shortcut && <Keys shortcut={action.shortcut} />}
              </div>
            </div>
          );
        })}
        {found.length === 0 && <div className={styles.none}>Nothing here is called “{query}”.</div>}
      </div>
    </div>
  );
}

// Keeps the order in which groups first appear, and brings their members together.
function inGroups(actions: Action[]): Action[] {
  const order = [...new Set(actions.map((a) => a.group))];
  return order.flatMap((g) => actions.filter((a) => a.group === g));
}

/** The shortcuts that work on this page. */
export function KeySheet({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const actions = useAllActions().filter((a) => a.shortcut);
  const groups = [...new Set(actions.map((a) => a.group ?? 'This page'))];
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size={640} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className={styles.sheet}>
        {groups.map((g) => (
          <section key={g}>
            <h3>{g}</h3>
            {actions
              .filter((a) => (a.group ?? 'This page') === g)
              .map((a) => (
                <div key={a.id} data-row>
                  <span>{a.title}</span>
                  <Keys shortcut={a.shortcut ?? ''} />
                </div>
              ))}
          </section>
        ))}
      </div>
    </Modal>
  );
}
