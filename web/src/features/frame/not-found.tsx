import { IconMapPinOff } from '@tabler/icons-react';
import { LinkButton } from '~/ui/link-button';
import { usePlace } from '~/ui/place';
import { Empty } from '~/ui/states';

/** An address that leads nowhere. */
export function NotFoundPage() {
  usePlace('Not found');
  return (
    <Empty
      icon={IconMapPinOff}
      title="There is no page at this address"
      actions={
        <LinkButton to="/" variant="filled">
          Go home
        </LinkButton>
      }
    >
      The link may be old, or what it named was moved or deleted.
    </Empty>
  );
}
