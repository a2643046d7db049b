import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './mantine.css';
import '@mantine/notifications/styles.layer.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { setNonce } from 'get-nonce';
import type { ReactNode } from 'react';
import { nonce } from './nonce';
import { theme, variables } from './tokens/theme';

// Read by public/theme.js too, before the first paint.
const colourScheme = localStorageColorSchemeManager({ key: 'ui.colour-scheme' });

/** Everything below it may use the parts of ui/. */
export function UiProvider({ children }: { children: ReactNode }) {
  const value = nonce();
  if (value) setNonce(value);
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      colorSchemeManager={colourScheme}
      getStyleNonce={() => value}
    >
      <Notifications position="bottom-right" limit={4} autoClose={6000} />
      {children}
    </MantineProvider>
  );
}
