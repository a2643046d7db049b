import type { ReactNode } from 'react';
import styles from './card.module.css';
import { Logo } from './logo';

/** A page that is one small card: signing in, a first step. */
export function Card({ title, lead, children }: { title: ReactNode; lead?: ReactNode; children: ReactNode }) {
  return (
    <main className={styles.ground}>
      <div className={styles.card}>
        <Logo size={36} />
        <h1>{title}</h1>
        {lead && <p className={styles.lead}>{lead}</p>}
        {children}
      </div>
    </main>
  );
}
