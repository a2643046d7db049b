import { CloseButton, Group } from '@mantine/core';
import { IconCheck, IconPlayerPlay } from '@tabler/icons-react';
import type { Step } from './first-run';
import { LinkButton } from '~/ui/link-button';
import styles from './home.module.css';

/** Five steps that tick by themselves, and a sample to do them with. */
export function FirstRunCard({
  workspace,
  steps,
  sample,
  onClose,
}: {
  workspace: string;
  steps: Step[];
  /** Source of the sample; absent while unknown. */
  sample: string | undefined;
  onClose: () => void;
}) {
  const next = steps.find((s) => !s.done);
  return (
    <section className={styles.first} aria-label="First steps">
      <div>
        <h2>Write it, run it, in a minute</h2>
        <p>A script is a function. Its parameters become a form, what it returns becomes the result.</p>
        {sample && (
          <pre className={styles.code} tabIndex={0} aria-label="The sample's code">
            <code>{sample}</code>
          </pre>
        )}
        <LinkButton
          to="/w/$workspace/scripts/new"
          params={{ workspace }}
          search={{ sample: 'hello' }}
          variant="filled"
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
        >
          Open the sample
        </LinkButton>
      </div>
      <div>
        <Group justify="space-between" wrap="nowrap">
          <h3>First steps</h3>
          <CloseButton size="sm" aria-label="Hide the first steps" onClick={onClose} />
        </Group>
        <ol className={styles.steps}>
          {steps.map((s) => (
            <li key={s.id} className={styles.step} data-done={s.done || undefined} data-next={s === next || undefined}>
              <span className={styles.tick}>
                <IconCheck size={13} stroke={3} aria-hidden />
              </span>
              {s.title}
              {s.done && <span className="visually-hidden">, done</span>}
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}
