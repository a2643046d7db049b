import {
  IconAlertTriangle,
  IconBan,
  IconCheck,
  IconCircleDashed,
  IconClock,
  IconHourglassEmpty,
  IconLoader2,
  IconX,
} from '@tabler/icons-react';
import type { CSSProperties, ReactNode } from 'react';
import styles from './status-pill.module.css';

/** The states that have a colour, an icon and a word of their own. */
export type Status = 'queued' | 'running' | 'waiting' | 'success' | 'warning' | 'failed' | 'cancelled' | 'skipped';

const looks: Record<Status, { icon: typeof IconCheck; word: string }> = {
  queued: { icon: IconClock, word: 'Queued' },
  running: { icon: IconLoader2, word: 'Running' },
  waiting: { icon: IconHourglassEmpty, word: 'Waiting' },
  success: { icon: IconCheck, word: 'Success' },
  warning: { icon: IconAlertTriangle, word: 'Warning' },
  failed: { icon: IconX, word: 'Failed' },
  cancelled: { icon: IconBan, word: 'Cancelled' },
  skipped: { icon: IconCircleDashed, word: 'Skipped' },
};

/** The word of a status, for sentences and filters. */
export function statusWord(status: Status): string {
  return looks[status].word;
}

/** A status as icon and word, never by colour alone. `iconOnly` keeps the word for screen readers. */
export function StatusPill({ status, word, iconOnly }: { status: Status; word?: ReactNode; iconOnly?: boolean }) {
  const { icon: Icon, word: standard } = looks[status];
  const tone = { '--tone': `var(--${status})`, '--tone-ground': `var(--${status}-ground)` } as CSSProperties;
  return (
    <span
      className={iconOnly ? `${styles.pill} ${styles.bare}` : styles.pill}
      data-status={status}
      style={tone}
      title={iconOnly ? standard : undefined}
    >
      <Icon size={14} stroke={2.2} aria-hidden />
      <span className={iconOnly ? 'visually-hidden' : undefined}>{word ?? standard}</span>
    </span>
  );
}
