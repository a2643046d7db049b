import type { ReactNode } from 'react';
import styles from './page.module.css';

/** A page: its name, a line of facts, what can be done, and the body, which fills the rest. */
export function Page({
  title,
  sub,
  tools,
  actions,
  scroll,
  inset,
  children,
}: {
  title: ReactNode;
  sub?: ReactNode;
  /** What chooses what the body shows: filters. */
  tools?: ReactNode;
  actions?: ReactNode;
  /** The body scrolls as a whole; else its parts do. */
  scroll?: boolean;
  /** Text-like body of limited width. */
  inset?: boolean;
  children: ReactNode;
}) {
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>{title}</h1>
        {sub && <div className={styles.sub}>{sub}</div>}
        {tools && <div className={styles.tools}>{tools}</div>}
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {/* A region that scrolls must be reachable by keyboard. */}
      <div className={styles.body} data-scroll={scroll || undefined} tabIndex={scroll ? 0 : undefined}>
        {inset ? <div className={styles.inset}>{children}</div> : children}
      </div>
    </div>
  );
}
