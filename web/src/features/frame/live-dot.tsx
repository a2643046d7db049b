import { Tooltip } from '@mantine/core';
import { useLive } from '~/api/live';
import styles from './frame.module.css';

const words = {
  connecting: 'Connecting: changes on the server will show as they happen',
  connected: 'Connected: changes on the server show as they happen',
  reconnecting: 'Reconnecting: what you see may be a few seconds old',
  stale: 'Stale: the server does not answer',
};

/** Says how fresh what is shown is; told by shape and words, not by colour alone. */
export function LiveDot() {
  const { state } = useLive();
  return (
    <Tooltip label={words[state]}>
      <span className={styles.live} data-state={state} role="status" aria-label={words[state]}>
        <span className={styles.dot} />
      </span>
    </Tooltip>
  );
}
