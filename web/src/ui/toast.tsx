import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconCheck, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** Says that something was done; with `undo`, offers to take it back while it shows. */
export function toastDone(message: ReactNode, undo?: () => void) {
  const id = notifications.show({
    message: (
      <span style={{ display: 'flex', alignItems: 'center', gap: 12, justifyContent: 'space-between' }}>
        <span>{message}</span>
        {undo && (
          <Button
            size="xs"
            variant="light"
            onClick={() => {
              notifications.hide(id);
              undo();
            }}
          >
            Undo
          </Button>
        )}
      </span>
    ),
    icon: <IconCheck size={16} aria-hidden />,
    autoClose: undo ? 10_000 : 4000,
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Close' },
  });
}

/** Says that something could not be done, why, and what to do. Stays until closed. */
export function toastFailed(what: string, trouble: { message: string; hint: string; requestId: string }) {
  notifications.show({
    title: what,
    message: (
      <>
        {trouble.message} {trouble.hint}
        {trouble.requestId && (
          <>
            {' '}
            <code>{trouble.requestId}</code>
          </>
        )}
      </>
    ),
    icon: <IconX size={16} aria-hidden />,
    color: 'red',
    autoClose: false,
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Close' },
    role: 'alert',
  });
}
