import { Button, Group, Modal, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';

/** Asks before what cannot be undone: the button works only after the name was typed. */
export function ConfirmByTyping({
  opened,
  title,
  children,
  name,
  verb,
  busy,
  onConfirm,
  onClose,
}: {
  opened: boolean;
  title: string;
  /** What will be gone, and what stays. */
  children: ReactNode;
  /** What must be typed. */
  name: string;
  verb: string;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const [typed, setTyped] = useState('');
  const close = () => {
    setTyped('');
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (typed === name) onConfirm();
        }}
      >
        <div style={{ marginBottom: 12 }}>{children}</div>
        <TextInput
          data-autofocus
          label={
            <>
              Type <code>{name}</code> to confirm
            </>
          }
          value={typed}
          onChange={(e) => setTyped(e.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <Group justify="flex-end" mt="md" gap="xs">
          <Button onClick={close}>Keep it</Button>
          <Button type="submit" variant="filled" color="danger" disabled={typed !== name} loading={busy}>
            {verb}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
