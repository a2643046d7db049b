import { AnsiUp } from 'ansi_up';

/** A run of characters with one look. Text is plain: React escapes it, nothing here becomes markup. */
export interface Token {
  text: string;
  color?: string;
  background?: string;
  bold?: boolean;
  faint?: boolean;
  italic?: boolean;
  underline?: boolean;
  /** Only http and https; other schemes never leave the parser. */
  href?: string;
}

interface Colour {
  rgb: number[];
  class_name: string;
}

interface Fragment {
  text: string;
  fg: Colour | null;
  bg: Colour | null;
  bold: boolean;
  faint: boolean;
  italic: boolean;
  underline: boolean;
}

/** The two places where the library makes HTML; we take the fragments instead, so no HTML is ever built. */
interface Hooks {
  transform_to_html(fragment: Fragment): string;
  process_hyperlink(packet: { url: string; text: string }): string;
}

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Splits a line into tokens. `sgr` are sequences that were open before it. */
export function tokens(text: string, sgr = ''): Token[] {
  if (sgr === '' && !text.includes('\u001b')) return text === '' ? [] : [{ text: safe(text) }];
  const out: Token[] = [];
  const parser = new AnsiUp();
  const hooks = parser as unknown as Hooks;
  hooks.transform_to_html = (f) => {
    if (f.text !== '') out.push(token(f));
    return '';
  };
  hooks.process_hyperlink = (packet) => {
    const href = webAddress(packet.url);
    const label = safe(packet.text);
    if (label !== '') out.push(href ? { text: label, href, underline: true } : { text: label });
    return '';
  };
  parser.ansi_to_html(sgr + text);
  return out;
}

/** The address when it is one of the web, else undefined. */
export function webAddress(url: string): string | undefined {
  try {
    const u = new URL(url);
    return u.protocol === 'http:' || u.protocol === 'https:' ? u.href : undefined;
  } catch {
    return undefined;
  }
}

/** Control characters and direction overrides could make a line lie about what it says; they become a visible sign. */
function safe(text: string): string {
  return text.replace(CONTROL, '\ufffd');
}

function token(f: Fragment): Token {
  const t: Token = { text: safe(f.text) };
  if (f.fg) t.color = colour(f.fg);
  if (f.bg) t.background = colour(f.bg);
  if (f.bold) t.bold = true;
  if (f.faint) t.faint = true;
  if (f.italic) t.italic = true;
  if (f.underline) t.underline = true;
  return t;
}

/** The 16 named colours come from the theme, so that they can be read on both backgrounds; the rest are as asked. */
function colour(c: Colour): string {
  if (c.class_name.startsWith('ansi-')) return `var(--${c.class_name})`;
  const [r = 0, g = 0, b = 0] = c.rgb;
  return `rgb(${r} ${g} ${b})`;
}
