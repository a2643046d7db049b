import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completeAnyWord,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language';
import { lintGutter, lintKeymap } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import {
  crosshairCursor,
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  rectangularSelection,
} from '@codemirror/view';
import { nonce } from '../ui/nonce';
import { theme } from './theme';

/** What every editor has, large and small. */
export function common(): Extension {
  return [
    EditorView.cspNonce.of(nonce()),
    // What scrolls must be reachable by keyboard, also where it is only read.
    EditorView.contentAttributes.of({ tabindex: '0' }),
    theme,
    highlightSpecialChars(),
    typingOverSelection,
    history(),
    drawSelection(),
    dropCursor(),
    EditorState.allowMultipleSelections.of(true),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    rectangularSelection(),
    crosshairCursor(),
    highlightSelectionMatches(),
    keymap.of([
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
      ...lintKeymap,
    ]),
  ];
}

/** What the editor of a whole file has besides. */
export function full(): Extension {
  return [
    lineNumbers(),
    lintGutter(),
    foldGutter({ openText: '⌄', closedText: '›' }),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    // Words of the document, until a language server knows better.
    autocompletion({ activateOnTyping: true }),
    EditorState.languageData.of(() => [{ autocomplete: completeAnyWord }]),
    // Tab indents in a file; Escape, then Tab leaves the editor (as the label says).
    keymap.of([indentWithTab]),
  ];
}

/** The unit a language indents by. */
export function indentOf(mode: string): Extension {
  const unit = mode === 'go' ? '\t' : mode === 'python' || mode === 'shell' ? '    ' : '  ';
  return [indentUnit.of(unit), EditorState.tabSize.of(4)];
}

/**
 * Text typed over a selection would be put in by the browser, which keeps the looks of what was there by a style attribute:
 * the content policy refuses that, and says so in the console. So the editor puts it in itself, as it does a paste.
 */
const typingOverSelection = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const text = event.data;
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== 'insertText' || !text || empty || event.isComposing || view.composing) return false;
    if (view.state.readOnly) return false;
    event.preventDefault();
    const insert = () =>
      view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type', scrollIntoView: true });
    // What listens to typed text, like closing brackets around a selection, is asked first.
    if (!view.state.facet(EditorView.inputHandler).some((handler) => handler(view, from, to, text, insert)))
      view.dispatch(insert());
    return true;
  },
});
