import { CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { type KeyboardEvent, useRef } from 'react';
import { useActions } from './actions';
import { Keys } from './keys';

/** A field that filters what is below at once; `/` focuses it, Escape empties and leaves it. */
export function FilterField({
  value,
  onChange,
  label,
  placeholder,
  onKeyDown,
  width = 280,
}: {
  value: string;
  onChange: (value: string) => void;
  label: string;
  placeholder?: string;
  onKeyDown?: (e: KeyboardEvent<HTMLInputElement>) => void;
  width?: number | string;
}) {
  const input = useRef<HTMLInputElement>(null);
  useActions([
    {
      id: 'focus-filter',
      title: label,
      icon: IconSearch,
      group: 'This page',
      shortcut: '/',
      run: () => input.current?.focus(),
    },
  ]);
  return (
    <TextInput
      ref={input}
      aria-label={label}
      placeholder={placeholder ?? label}
      value={value}
      onChange={(e) => onChange(e.currentTarget.value)}
      onKeyDown={(e) => {
        if (e.key === 'Escape') {
          onChange('');
          e.currentTarget.blur();
        }
        onKeyDown?.(e);
      }}
      leftSection={<IconSearch size={16} stroke={1.7} aria-hidden />}
      rightSection={
        value ? <CloseButton size="sm" aria-label="Clear filter" onClick={() => onChange('')} /> : <Keys shortcut="/" />
      }
      spellCheck={false}
      autoComplete="off"
      style={{ width, maxWidth: '100%' }}
    />
  );
}
