import { lazy, Suspense } from 'react';
import classes from './editor.module.css';

/** Something wrong in the text. Lines and columns start at 1. */
export interface Problem {
  line: number;
  column?: number;
  message: string;
  severity?: 'error' | 'warning';
}

export interface CodeEditorProps {
  value: string;
  onChange?: (value: string) => void;
  /** python, typescript, javascript, go, shell, json, markdown; anything else is plain text. */
  mode: string;
  /** The accessible name. */
  label: string;
  readOnly?: boolean;
  /** A field of a form rather than a file: no gutter, lines wrap, Tab leaves. */
  compact?: boolean;
  problems?: readonly Problem[];
  /** A line to paint and bring into sight: where it failed. */
  markLine?: number;
  autoFocus?: boolean;
  placeholder?: string;
  /** Ctrl+Enter, or Cmd+Enter on a Mac. */
  onRun?: () => void;
  /** Ctrl+S. */
  onSave?: () => void;
}

const load = () => import('./codemirror');
const Lazy = lazy(() => load().then((m) => ({ default: m.CodeMirror })));
const LazyDiff = lazy(() => import('./diff').then((m) => ({ default: m.Diff })));

/** Starts loading the editor before it is needed, so that typing is possible right after the click. */
export function preloadEditor(): void {
  void load();
}

/** The code editor. Until its chunk is there the text is shown plainly, in the same place. */
export function CodeEditor(props: CodeEditorProps) {
  return (
    <Suspense fallback={<Plain {...props} />}>
      <Lazy {...props} />
    </Suspense>
  );
}

function Plain({ value, compact }: CodeEditorProps) {
  return <pre className={compact ? classes.plainCompact : classes.plain}>{value}</pre>;
}

export interface DiffViewProps {
  before: string;
  after: string;
  mode: string;
  label: string;
  /** Side by side; else one below the other in one column. */
  split?: boolean;
}

/** What changed between two texts. */
export function DiffView(props: DiffViewProps) {
  return (
    <Suspense fallback={<pre className={classes.plain}>{props.after}</pre>}>
      <LazyDiff {...props} />
    </Suspense>
  );
}
