import { ActionIcon, Button, CopyButton, Tooltip } from '@mantine/core';
import {
  IconAlertTriangle,
  IconCheck,
  IconCopy,
  IconLock,
  IconMapPinOff,
  IconPlugConnectedX,
} from '@tabler/icons-react';
import type { CSSProperties, ReactNode } from 'react';
import styles from './states.module.css';

/** What went wrong, in words a person can act on. */
export type Trouble = {
  /** HTTP status; 0: the server was not reached. */
  status: number;
  message: string;
  hint: string;
  fields: { path: string; message: string }[];
  requestId: string;
};

/** An empty page: what lives here, in one sentence, and the button that starts it. */
export function Empty({
  icon: Icon,
  title,
  children,
  actions,
}: {
  icon?: typeof IconCheck;
  title: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className={styles.state}>
      {Icon && (
        <span className={styles.icon}>
          <Icon size={22} stroke={1.6} aria-hidden />
        </span>
      )}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}

const failedTone = { '--tone': 'var(--failed)', '--tone-ground': 'var(--failed-ground)' } as CSSProperties;

/** Something failed: what, why, what to do, and an id to copy. Chooses its words' icon by the status. */
export function Failing({
  trouble,
  title,
  retry,
  inline,
  actions,
}: {
  trouble: Trouble;
  /** What was being done, when the message alone does not say it. */
  title?: string;
  retry?: () => void;
  /** Beside the thing it is about instead of in place of the page. */
  inline?: boolean;
  actions?: ReactNode;
}) {
  const Icon =
    trouble.status === 403
      ? IconLock
      : trouble.status === 404
        ? IconMapPinOff
        : trouble.status === 0
          ? IconPlugConnectedX
          : IconAlertTriangle;
  return (
    <div className={styles.state} data-inline={inline || undefined} style={failedTone} role="alert">
      {!inline && (
        <span className={styles.icon}>
          <Icon size={22} stroke={1.6} aria-hidden />
        </span>
      )}
      {inline ? <strong>{title ?? trouble.message}</strong> : <h2>{title ?? trouble.message}</h2>}
      {title && <p>{trouble.message}</p>}
      {trouble.hint && <p>{trouble.hint}</p>}
      {trouble.fields.length > 0 && (
        <ul className={styles.fields}>
          {trouble.fields.map((f) => (
            <li key={f.path + f.message}>
              <code>{f.path}</code> {f.message}
            </li>
          ))}
        </ul>
      )}
      {(retry || actions) && (
        <div className={styles.actions}>
          {retry && <Button onClick={retry}>Try again</Button>}
          {actions}
        </div>
      )}
      {trouble.requestId && <CopyId label="Request" id={trouble.requestId} />}
    </div>
  );
}

/** An id in code type with a button that copies it. */
export function CopyId({ id, label, short }: { id: string; label?: string; short?: number }) {
  return (
    <span className={styles.id}>
      {label && <span>{label}</span>}
      <code title={id}>{short ? id.slice(-short) : id}</code>
      <CopyButton value={id} timeout={1500}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy'}>
            <ActionIcon size={22} onClick={copy} aria-label={`Copy ${label ? label.toLowerCase() : 'id'}`}>
              {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </span>
  );
}

/** A grey bar in the shape of what comes; shows itself only after 150 ms. */
export function Skeleton({ width = '100%', height = 14 }: { width?: string | number; height?: string | number }) {
  return <div className={styles.skeleton} style={{ width, height }} aria-hidden />;
}
