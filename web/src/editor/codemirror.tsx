import { type Diagnostic, setDiagnostics } from '@codemirror/lint';
import { Annotation, Compartment, EditorState, Prec, StateEffect, StateField } from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  EditorView,
  keymap,
  placeholder as placeholderOf,
  WidgetType,
} from '@codemirror/view';
import { useEffect, useLayoutEffect, useRef } from 'react';
import type { CodeEditorProps, Problem } from './code-editor';
import { loadMode } from './languages';
import { common, full, indentOf } from './setup';

/** The editor itself, in the chunk that is loaded when one is opened. */
export function CodeMirror(props: CodeEditorProps) {
  const { value, mode, readOnly = false, label, compact = false, problems, markLine, autoFocus, placeholder } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const parts = useRef({ language: new Compartment(), access: new Compartment(), label: new Compartment() });
  const latest = useRef(props);
  useLayoutEffect(() => {
    latest.current = props;
  });

  useLayoutEffect(() => {
    const { language, access, label: name } = parts.current;
    const state = EditorState.create({
      doc: value,
      extensions: [
        Prec.highest(
          keymap.of([
            {
              key: 'Mod-Enter',
              run: () => {
                latest.current.onRun?.();
                return latest.current.onRun !== undefined;
              },
            },
            {
              key: 'Mod-s',
              run: () => {
                latest.current.onSave?.();
                return latest.current.onSave !== undefined;
              },
            },
          ]),
        ),
        common(),
        compact ? [] : full(),
        compact ? EditorView.lineWrapping : [],
        language.of(indentOf(mode)),
        access.of(accessOf(readOnly)),
        name.of(EditorView.contentAttributes.of({ 'aria-label': label })),
        placeholder ? placeholderOf(placeholder) : [],
        marks,
        EditorView.updateListener.of((u) => {
          if (u.docChanged && !u.transactions.some((t) => t.annotation(fromOutside)))
            latest.current.onChange?.(u.state.doc.toString());
        }),
      ],
    });
    const v = new EditorView({ state, parent: host.current as HTMLElement });
    view.current = v;
    if (autoFocus) v.focus();
    return () => {
      v.destroy();
      view.current = undefined;
    };
    // Made once; the effects below keep it up to date.
    // oxlint-disable-next-line react/exhaustive-deps
  }, []);

  useEffect(() => {
    const v = view.current;
    if (!v || v.state.doc.toString() === value) return;
    // Keeps what did not change, so that the cursor stays where it was.
    const old = v.state.doc.toString();
    let from = 0;
    while (from < old.length && from < value.length && old[from] === value[from]) from++;
    let tail = 0;
    while (
      tail < old.length - from &&
      tail < value.length - from &&
      old[old.length - 1 - tail] === value[value.length - 1 - tail]
    )
      tail++;
    v.dispatch({
      changes: { from, to: old.length - tail, insert: value.slice(from, value.length - tail) },
      annotations: fromOutside.of(true),
    });
  }, [value]);

  useEffect(() => {
    let over = false;
    void loadMode(mode).then((extension) => {
      if (!over) view.current?.dispatch({ effects: parts.current.language.reconfigure([extension, indentOf(mode)]) });
    });
    return () => {
      over = true;
    };
  }, [mode]);

  useEffect(() => {
    view.current?.dispatch({ effects: parts.current.access.reconfigure(accessOf(readOnly)) });
  }, [readOnly]);

  useEffect(() => {
    view.current?.dispatch({
      effects: parts.current.label.reconfigure(EditorView.contentAttributes.of({ 'aria-label': label })),
    });
  }, [label]);

  useEffect(() => {
    const v = view.current;
    if (!v) return;
    const list = problems ?? [];
    v.dispatch(
      setDiagnostics(
        v.state,
        list.map((p) => diagnosticOf(v.state, p)),
      ),
    );
    v.dispatch({ effects: setMarks.of({ problems: list, line: markLine }) });
  }, [problems, markLine]);

  useEffect(() => {
    const v = view.current;
    if (!v || !markLine || markLine > v.state.doc.lines) return;
    v.dispatch({ effects: EditorView.scrollIntoView(v.state.doc.line(markLine).from, { y: 'center' }) });
  }, [markLine]);

  return <div ref={host} data-editor={mode} style={{ height: '100%', minHeight: 0, overflow: 'hidden' }} />;
}

const fromOutside = Annotation.define<boolean>();

function accessOf(readOnly: boolean) {
  return readOnly ? [EditorState.readOnly.of(true), EditorView.contentAttributes.of({ 'aria-readonly': 'true' })] : [];
}

function diagnosticOf(state: EditorState, p: Problem): Diagnostic {
  const line = state.doc.line(Math.max(1, Math.min(p.line, state.doc.lines)));
  // Without a column the whole line is meant, not the space before it.
  if (p.column === undefined) {
    const from = line.from + (line.text.length - line.text.trimStart().length);
    return { from, to: Math.max(from, line.to), severity: p.severity ?? 'error', message: p.message };
  }
  const from = Math.min(line.to, line.from + Math.max(0, p.column - 1));
  const word = /^\S*/.exec(line.text.slice(from - line.from))?.[0].length ?? 0;
  return { from, to: Math.min(line.to, from + Math.max(1, word)), severity: p.severity ?? 'error', message: p.message };
}

interface Marks {
  problems: readonly Problem[];
  line?: number;
}

const setMarks = StateEffect.define<Marks>();

/** The sentence of a problem beneath its line: seen without hovering, by everyone. */
class Note extends WidgetType {
  readonly message: string;
  constructor(message: string) {
    super();
    this.message = message;
  }
  override eq(other: Note) {
    return other.message === this.message;
  }
  toDOM() {
    const el = document.createElement('div');
    el.className = 'cm-problem-note';
    el.setAttribute('role', 'note');
    el.textContent = this.message;
    return el;
  }
}

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(old, tr) {
    let set = old.map(tr.changes);
    for (const e of tr.effects) {
      if (!e.is(setMarks)) continue;
      const found = e.value.problems.map((p) => {
        const line = tr.state.doc.line(Math.max(1, Math.min(p.line, tr.state.doc.lines)));
        return Decoration.widget({ widget: new Note(p.message), block: true, side: 1 }).range(line.to);
      });
      const at = e.value.line;
      if (at && at <= tr.state.doc.lines)
        found.push(Decoration.line({ class: 'cm-marked-line' }).range(tr.state.doc.line(at).from));
      set = Decoration.set(found, true);
    }
    return set;
  },
  provide: (f) => EditorView.decorations.from(f),
});
