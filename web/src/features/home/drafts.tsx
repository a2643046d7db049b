import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Script } from '~/api/queries';
import { draftsQuery } from '~/api/scripts';
import { Time } from '~/ui/time';
import styles from './home.module.css';

const SHOWN = 4;

/** One's unfinished work, so that what was not deployed is found again. */
export function Drafts({ workspace, scripts }: { workspace: string; scripts: readonly Script[] }) {
  const { data: drafts = [] } = useQuery(draftsQuery(workspace));
  const [all, setAll] = useState(false);
  if (drafts.length === 0) return null;
  return (
    <section className={styles.drafts} aria-labelledby="drafts">
      <h2 id="drafts">Your drafts</h2>
      <ul>
        {(all ? drafts : drafts.slice(0, SHOWN)).map((d) => {
          const deployed = scripts.some((s) => s.path === d.path);
          return (
            <li key={d.path}>
              <Link
                // What was never deployed has no version to edit.
                {...(deployed
                  ? { to: '/w/$workspace/scripts/edit/$', params: { workspace, _splat: d.path } }
                  : { to: '/w/$workspace/scripts/new', params: { workspace }, search: { path: d.path } })}
                title={d.path}
                className={styles.draft}
              >
                <span className={styles.draftPath}>{d.path}</span>
                <span className="quiet">
                  {deployed ? 'changed' : 'never deployed'}, <Time at={d.updated_at} />
                </span>
              </Link>
            </li>
          );
        })}
      </ul>
      {!all && drafts.length > SHOWN && (
        <button type="button" className={styles.moreDrafts} onClick={() => setAll(true)}>
          {drafts.length - SHOWN} more
        </button>
      )}
    </section>
  );
}
