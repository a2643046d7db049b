import { Menu, UnstyledButton } from '@mantine/core';
import {
  IconBrandGolang,
  IconBrandPython,
  IconBrandTypescript,
  IconCheck,
  IconChevronDown,
  IconFileCode,
  IconTerminal2,
} from '@tabler/icons-react';
import type { Language } from '~/api/queries';
import classes from './script.module.css';

// The catalogue names an icon; those in the bundle are listed here, another one is shown as code.
const icons: Record<string, typeof IconCheck> = {
  'brand-typescript': IconBrandTypescript,
  'brand-python': IconBrandPython,
  'brand-golang': IconBrandGolang,
  'terminal-2': IconTerminal2,
  terminal: IconTerminal2,
};

export function LanguageIcon({ icon, size = 16 }: { icon: string | undefined; size?: number }) {
  const Icon = icons[icon ?? ''] ?? IconFileCode;
  return <Icon size={size} stroke={1.7} aria-hidden />;
}

/** The languages there are, with what runs them here. */
export function LanguagePicker({
  languages,
  value,
  onChange,
  disabled,
}: {
  languages: readonly Language[];
  value: string;
  onChange: (id: string) => void;
  disabled?: boolean;
}) {
  const current = languages.find((l) => l.id === value);
  return (
    <Menu position="bottom-start" width={300} disabled={disabled}>
      <Menu.Target>
        <UnstyledButton
          className={classes.picker}
          aria-label={`Language: ${current?.title ?? value}`}
          disabled={disabled}
        >
          <LanguageIcon icon={current?.icon} />
          <span>{current?.title ?? value}</span>
          {!disabled && <IconChevronDown size={14} aria-hidden />}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {languages.map((l) => (
          <Menu.Item
            key={l.id}
            leftSection={<LanguageIcon icon={l.icon} />}
            rightSection={l.id === value ? <IconCheck size={14} aria-hidden /> : undefined}
            aria-current={l.id === value || undefined}
            onClick={() => onChange(l.id)}
          >
            {l.title}
            <span className={classes.runtime}>{runtimeWord(l)}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function runtimeWord(l: Language): string {
  if (!l.runtime) return '';
  if (l.runtime.present) return [l.runtime.name, l.runtime.version].filter(Boolean).join(' ');
  return `${l.runtime.name} is installed on first use`;
}
