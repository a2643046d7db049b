import {
  IconApi,
  IconBrandCSharp,
  IconBrandDocker,
  IconBrandGolang,
  IconBrandJavascript,
  IconBrandPhp,
  IconBrandPowershell,
  IconBrandPython,
  IconBrandRust,
  IconBrandTypescript,
  IconCode,
  IconCoffee,
  IconDatabase,
  IconDiamond,
  IconTerminal2,
} from '@tabler/icons-react';

// Icons that data may ask for by name. A name that is not here gets the general one.
const icons: Record<string, typeof IconCode> = {
  api: IconApi,
  'brand-c-sharp': IconBrandCSharp,
  'brand-docker': IconBrandDocker,
  'brand-golang': IconBrandGolang,
  'brand-javascript': IconBrandJavascript,
  'brand-php': IconBrandPhp,
  'brand-powershell': IconBrandPowershell,
  'brand-python': IconBrandPython,
  'brand-rust': IconBrandRust,
  'brand-typescript': IconBrandTypescript,
  coffee: IconCoffee,
  database: IconDatabase,
  diamond: IconDiamond,
  'terminal-2': IconTerminal2,
};

/** The icon with the name, as data gives it; with `label`, it says so to screen readers and on hover. */
export function NamedIcon({ name, label, size = 18 }: { name: string; label?: string; size?: number }) {
  const Icon = icons[name] ?? IconCode;
  return label ? (
    <span role="img" aria-label={label} title={label} style={{ display: 'flex', color: 'var(--text-quiet)' }}>
      <Icon size={size} stroke={1.6} aria-hidden />
    </span>
  ) : (
    <Icon size={size} stroke={1.6} aria-hidden />
  );
}
