import {
  ActionIcon,
  Button,
  type CSSVariablesResolver,
  Checkbox,
  createTheme,
  Loader,
  type MantineColorsTuple,
  Menu,
  Modal,
  PasswordInput,
  Popover,
  SegmentedControl,
  Select,
  Switch,
  Tabs,
  Textarea,
  TextInput,
  Tooltip,
  type VariantColorsResolver,
} from '@mantine/core';

// Mantine counts ten shades from light to dark; ours are twelve that turn with the scheme. The tuples only serve parts that
// pick a shade themselves; the variants below decide for buttons and their like.
const scale = (prefix: string, steps: number[]) =>
  steps.map((s) => `var(--${prefix}${s})`) as unknown as MantineColorsTuple;
const one = (name: string) => Array.from({ length: 10 }, () => `var(--${name})`) as unknown as MantineColorsTuple;

const variants: VariantColorsResolver = ({ variant, color }) => {
  const danger = color === 'red' || color === 'danger';
  switch (variant) {
    case 'filled':
      return danger
        ? {
            background: 'var(--failed-solid)',
            hover: 'var(--failed)',
            color: 'oklch(1 0 0)',
            border: '1px solid transparent',
          }
        : {
            background: 'var(--accent)',
            hover: 'var(--accent-hover)',
            color: 'var(--on-accent)',
            border: '1px solid transparent',
          };
    case 'light':
      return danger
        ? {
            background: 'var(--failed-ground)',
            hover: 'var(--failed-ground)',
            color: 'var(--failed)',
            border: '1px solid transparent',
          }
        : color === 'gray'
          ? {
              background: 'var(--fill)',
              hover: 'var(--fill-hover)',
              color: 'var(--text)',
              border: '1px solid transparent',
            }
          : {
              background: 'var(--accent-ground)',
              hover: 'var(--a4)',
              color: 'var(--accent-text)',
              border: '1px solid transparent',
            };
    case 'subtle':
    case 'transparent':
      return {
        background: 'transparent',
        hover: variant === 'subtle' ? 'var(--fill-hover)' : 'transparent',
        color: danger ? 'var(--failed)' : color === 'gray' ? 'var(--text-quiet)' : 'var(--accent-text)',
        border: '1px solid transparent',
      };
    default:
      return {
        background: 'var(--ground-raised)',
        hover: 'var(--fill)',
        color: danger ? 'var(--failed)' : 'var(--text)',
        border: '1px solid var(--line-firm)',
      };
  }
};

const control = { size: 'sm' } as const;

/** The theme that gives Mantine's parts our tokens. */
export const theme = createTheme({
  fontFamily: 'var(--font-text)',
  fontFamilyMonospace: 'var(--font-code)',
  headings: { fontFamily: 'var(--font-text)', fontWeight: '600' },
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '3px', sm: '4px', md: '6px', lg: '8px', xl: '12px' },
  defaultRadius: 'md',
  primaryColor: 'sea',
  primaryShade: { light: 8, dark: 8 },
  autoContrast: false,
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  colors: {
    sea: scale('a', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    gray: scale('n', [2, 3, 4, 6, 7, 8, 10, 11, 11, 12]),
    dark: scale('n', [12, 11, 11, 10, 7, 6, 2, 1, 1, 1]),
    red: one('failed'),
  },
  variantColorResolver: variants,
  components: {
    Button: Button.extend({
      defaultProps: { size: 'sm', variant: 'default' },
      vars: (_theme, props) =>
        props.size === 'xs'
          ? { root: { '--button-height': '26px', '--button-padding-x': '8px' } }
          : { root: { '--button-height': 'var(--control)', '--button-padding-x': '12px' } },
      styles: { root: { fontWeight: 500 }, label: { fontSize: 'var(--size-13)' } },
    }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 32 } }),
    TextInput: TextInput.extend({ defaultProps: control }),
    PasswordInput: PasswordInput.extend({ defaultProps: control }),
    Textarea: Textarea.extend({ defaultProps: control }),
    Select: Select.extend({ defaultProps: { ...control, checkIconPosition: 'right' } }),
    Checkbox: Checkbox.extend({ defaultProps: control }),
    Switch: Switch.extend({ defaultProps: control }),
    SegmentedControl: SegmentedControl.extend({ defaultProps: { size: 'xs' } }),
    Tabs: Tabs.extend({ defaultProps: { keepMounted: false } }),
    Loader: Loader.extend({ defaultProps: { size: 16, type: 'oval' } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: false, transitionProps: { duration: 80 } } }),
    Menu: Menu.extend({ defaultProps: { shadow: 'float', transitionProps: { duration: 80 }, position: 'bottom-end' } }),
    Popover: Popover.extend({ defaultProps: { shadow: 'float', transitionProps: { duration: 80 } } }),
    Modal: Modal.extend({
      defaultProps: {
        radius: 'lg',
        transitionProps: { duration: 100 },
        overlayProps: { backgroundOpacity: 0.4 },
        yOffset: '12vh',
      },
    }),
  },
});

const shared = {
  '--mantine-color-body': 'var(--ground)',
  '--mantine-color-text': 'var(--text)',
  '--mantine-color-bright': 'var(--text)',
  '--mantine-color-dimmed': 'var(--text-quiet)',
  '--mantine-color-placeholder': 'var(--n10)',
  '--mantine-color-anchor': 'var(--accent-text)',
  '--mantine-color-error': 'var(--failed)',
  '--mantine-color-default': 'var(--ground-raised)',
  '--mantine-color-default-hover': 'var(--fill)',
  '--mantine-color-default-color': 'var(--text)',
  '--mantine-color-default-border': 'var(--line-firm)',
  '--mantine-color-disabled': 'var(--fill)',
  '--mantine-color-disabled-color': 'var(--n10)',
  '--mantine-color-disabled-border': 'var(--line)',
  '--mantine-primary-color-filled': 'var(--accent)',
  '--mantine-primary-color-filled-hover': 'var(--accent-hover)',
  '--mantine-primary-color-light': 'var(--accent-ground)',
  '--mantine-primary-color-light-color': 'var(--accent-text)',
  '--mantine-color-sea-filled': 'var(--accent)',
  '--mantine-color-sea-text': 'var(--accent-text)',
  '--mantine-shadow-float': 'var(--float)',
  '--mantine-shadow-md': 'var(--float)',
  '--mantine-shadow-xl': 'var(--float)',
  '--mantine-line-height': '1.45',
};

/** Hands our colours to Mantine's variables; they turn with the scheme by themselves. */
export const variables: CSSVariablesResolver = () => ({ variables: {}, light: shared, dark: shared });
