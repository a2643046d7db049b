import styles from './keys.module.css';
import { shortcutKeys } from './shortcut';

/** A shortcut as key caps: `<Keys shortcut="mod+k" />`. */
export function Keys({ shortcut }: { shortcut: string }) {
  return (
    <span className={styles.keys}>
      {shortcutKeys(shortcut).map((key) => (
        <kbd key={key} className={styles.key}>
          {key}
        </kbd>
      ))}
    </span>
  );
}
