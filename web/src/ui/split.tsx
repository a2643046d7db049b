import { useMediaQuery } from '@mantine/hooks';
import { Fragment, type ReactNode, useId, useState } from 'react';
import { Group, Panel, Separator, useDefaultLayout } from 'react-resizable-panels';
import styles from './split.module.css';

/** One pane of a Split. */
export type Pane = {
  id: string;
  /** Name of its tab on narrow screens, and of the handle before it. */
  title: string;
  content: ReactNode;
  /** Per cent of the whole, to start with. */
  size?: number;
  /** Smallest width or height, pixels. */
  min?: number;
};

/** Below this width panes become tabs. */
export const NARROW = '(max-width: 719.98px)';

/**
 * Panes side by side (`row`) or one above the other (`column`), resizable by mouse and arrow keys, remembered under `name`.
 * On narrow screens they are tabs, unless `stack` keeps them one above the other.
 */
export function Split({
  name,
  direction,
  panes,
  stack,
  narrowPane,
  onNarrowPane,
}: {
  name: string;
  direction: 'row' | 'column';
  panes: Pane[];
  stack?: boolean;
  /** The tab that shows on narrow screens, when the page wants to decide. */
  narrowPane?: string;
  onNarrowPane?: (id: string) => void;
}) {
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  const { defaultLayout, onLayoutChanged } = useDefaultLayout({
    id: `split.${name}`,
    panelIds: panes.map((p) => p.id),
  });
  if (narrow && !stack) return <NarrowPanes panes={panes} chosen={narrowPane} onChoose={onNarrowPane} />;
  const orientation = direction === 'row' ? 'horizontal' : 'vertical';
  return (
    <Group
      className={styles.group}
      orientation={orientation}
      defaultLayout={defaultLayout}
      onLayoutChanged={onLayoutChanged}
      id={name}
    >
      {panes.map((pane, i) => (
        <Fragment key={pane.id}>
          {i > 0 && (
            <Separator
              className={styles.separator}
              data-orientation={orientation}
              aria-label={`Resize ${pane.title}`}
            />
          )}
          <Panel
            id={pane.id}
            className={styles.panel}
            defaultSize={pane.size === undefined ? undefined : `${pane.size}%`}
            minSize={pane.min ?? 120}
          >
            {pane.content}
          </Panel>
        </Fragment>
      ))}
    </Group>
  );
}

function NarrowPanes({
  panes,
  chosen,
  onChoose,
}: {
  panes: Pane[];
  chosen: string | undefined;
  onChoose: ((id: string) => void) | undefined;
}) {
  const base = useId();
  const [own, setOwn] = useState(panes[0]?.id);
  const current = chosen ?? own;
  const choose = (id: string) => {
    setOwn(id);
    onChoose?.(id);
  };
  return (
    <div className={styles.narrow}>
      <div role="tablist" className={styles.narrowTabs}>
        {panes.map((p, i) => (
          <button
            key={p.id}
            type="button"
            role="tab"
            id={`${base}-${p.id}-tab`}
            aria-selected={p.id === current}
            aria-controls={`${base}-${p.id}`}
            tabIndex={p.id === current ? 0 : -1}
            className={styles.narrowTab}
            onClick={() => choose(p.id)}
            onKeyDown={(e) => {
              const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
              const next = panes[(i + step + panes.length) % panes.length];
              if (step === 0 || !next) return;
              choose(next.id);
              document.getElementById(`${base}-${next.id}-tab`)?.focus();
            }}
          >
            {p.title}
          </button>
        ))}
      </div>
      {panes.map((p) => (
        <div
          key={p.id}
          role="tabpanel"
          id={`${base}-${p.id}`}
          aria-labelledby={`${base}-${p.id}-tab`}
          className={styles.narrowPanel}
          hidden={p.id !== current}
        >
          {p.content}
        </div>
      ))}
    </div>
  );
}
