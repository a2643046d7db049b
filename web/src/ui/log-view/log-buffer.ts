/** One line as it is shown. `sgr` are the colour sequences still open when the line began. */
export interface LogLine {
  text: string;
  sgr: string;
}

/** Only this much of one line is shown; the download has it all. A line of megabytes would stop any browser. */
export const MAX_LINE = 20_000;

const ESC = '\u001b';
const SGR = new RegExp(`${ESC}\\[[0-9;:]*m`, 'g');
const RESET = new RegExp(`^${ESC}\\[0*m$`);
const SEQUENCES = new RegExp(
  `${ESC}(?:\\[[0-9;:?]*[ -/]*[@-~]|\\][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)|[@-Z\\\\-_])`,
  'g',
);

/**
 * An append-only log, split into lines as it arrives. Views subscribe; a burst of appends is told once per frame, so that
 * a program that prints 100,000 lines a second costs one render per frame.
 */
export class LogBuffer {
  readonly lines: LogLine[] = [];
  /** Bytes appended are not known here; this counts UTF-16 units, enough to tell big from small. */
  length = 0;
  #open = '';
  #sgr = '';
  #version = 0;
  #listeners = new Set<() => void>();
  #scheduled = false;

  get version(): number {
    return this.#version;
  }

  append(text: string): void {
    if (text === '') return;
    this.length += text.length;
    const parts = (this.#open + text).split('\n');
    const hadOpen = this.#open !== '';
    if (hadOpen) this.lines.pop();
    this.#open = parts.pop() as string;
    for (const part of parts) {
      this.lines.push({ text: visible(part), sgr: this.#sgr });
      this.#sgr = carry(this.#sgr, part);
    }
    if (this.#open !== '') this.lines.push({ text: visible(this.#open), sgr: this.#sgr });
    this.#changed();
  }

  clear(): void {
    this.lines.length = 0;
    this.length = 0;
    this.#open = '';
    this.#sgr = '';
    this.#changed();
  }

  /** The log without colours, as it is downloaded and copied. */
  text(): string {
    return this.lines.map((l) => withoutEscapes(l.text)).join('\n');
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): number => this.#version;

  #changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const tell = () => {
      this.#scheduled = false;
      this.#version++;
      for (const listener of this.#listeners) listener();
    };
    // A hidden tab has no frames; its log must still be whole when it is looked at.
    if (typeof requestAnimationFrame === 'function' && document.visibilityState === 'visible')
      requestAnimationFrame(tell);
    else queueMicrotask(tell);
  }
}

/** What a terminal would leave on the line: progress bars rewrite it with carriage returns. */
function visible(line: string): string {
  let s = line.endsWith('\r') ? line.slice(0, -1) : line;
  const back = s.lastIndexOf('\r');
  if (back >= 0) s = s.slice(back + 1);
  if (s.length > MAX_LINE)
    s = `${s.slice(0, MAX_LINE)}… (${s.length - MAX_LINE} more characters; download the log to see them)`;
  return s;
}

function carry(open: string, line: string): string {
  if (!line.includes(ESC)) return open;
  let out = open;
  for (const [sequence] of line.matchAll(SGR)) out = RESET.test(sequence) ? '' : out + sequence;
  return out.length > 400 ? out.slice(out.indexOf(ESC, out.length - 400)) : out;
}

/** Text without any escape sequence: for search, copy and screen readers. */
export function withoutEscapes(text: string): string {
  return text.includes(ESC) ? text.replace(SEQUENCES, '') : text;
}

/** The indices of the lines that contain the words, upper and lower case alike. Stops at `limit` matches. */
export function searchLines(lines: readonly LogLine[], needle: string, limit = 10_000): number[] {
  const wanted = needle.toLowerCase();
  if (wanted === '') return [];
  const out: number[] = [];
  for (let i = 0; i < lines.length && out.length < limit; i++) {
    if (
      withoutEscapes((lines[i] as LogLine).text)
        .toLowerCase()
        .includes(wanted)
    )
      out.push(i);
  }
  return out;
}
