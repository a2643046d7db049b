import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags as t } from '@lezer/highlight';

// Every colour is a variable of the theme: the editor turns with the scheme without being told.
const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'transparent', height: '100%', fontSize: 'var(--size-13)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-code)', lineHeight: '1.6', fontVariantLigatures: 'none' },
  '.cm-content': { caretColor: 'var(--accent-text)', paddingBlock: '8px' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--accent-text)', borderLeftWidth: '2px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection':
    {
      backgroundColor: 'var(--a5)',
    },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--n10)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { paddingInline: '10px 6px', minWidth: '28px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in oklch, var(--n4) 55%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--text)' },
  '.cm-foldGutter .cm-gutterElement': { color: 'var(--n9)' },
  '.cm-foldPlaceholder': {
    backgroundColor: 'var(--fill)',
    border: 'none',
    color: 'var(--text-quiet)',
    paddingInline: '4px',
  },
  '.cm-matchingBracket, .cm-nonmatchingBracket': { backgroundColor: 'transparent' },
  '&.cm-focused .cm-matchingBracket': {
    backgroundColor: 'var(--a4)',
    outline: '1px solid var(--a7)',
  },
  '&.cm-focused .cm-nonmatchingBracket': {
    backgroundColor: 'var(--failed-ground)',
    color: 'var(--failed)',
  },
  '.cm-selectionMatch': { backgroundColor: 'var(--a3)' },
  '.cm-searchMatch': { backgroundColor: 'var(--waiting-ground)', outline: '1px solid var(--waiting)' },
  '.cm-searchMatch-selected': { backgroundColor: 'var(--a5)' },
  '.cm-panels': { backgroundColor: 'var(--ground-frame)', color: 'var(--text)' },
  '.cm-panels-bottom': { borderTop: 'var(--hairline)' },
  '.cm-panels-top': { borderBottom: 'var(--hairline)' },
  '.cm-panel.cm-search': { padding: '6px 8px', fontFamily: 'var(--font-text)', fontSize: 'var(--size-12)' },
  '.cm-panel.cm-search label': { fontSize: 'var(--size-12)' },
  '.cm-textfield': {
    border: '1px solid var(--line-firm)',
    borderRadius: '4px',
    backgroundColor: 'var(--ground-raised)',
    color: 'var(--text)',
  },
  '.cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--ground-raised)',
    border: '1px solid var(--line-firm)',
    borderRadius: '4px',
    color: 'var(--text)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--ground-raised)',
    border: '1px solid var(--line-firm)',
    borderRadius: '6px',
    boxShadow: 'var(--float)',
    color: 'var(--text)',
  },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--font-code)', fontSize: 'var(--size-12)' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-diagnostic': { padding: '4px 8px', fontFamily: 'var(--font-text)', fontSize: 'var(--size-13)' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--failed)' },
  '.cm-diagnostic-warning': { borderLeft: '3px solid var(--waiting)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--failed)',
    textUnderlineOffset: '3px',
  },
  '.cm-lintRange-warning': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--waiting)',
    textUnderlineOffset: '3px',
  },
  '.cm-gutter-lint': { width: '14px' },
  '.cm-gutter-lint .cm-gutterElement': { padding: '0' },
  '.cm-lint-marker': {
    width: '14px',
    height: '1.6em',
    content: 'none !important',
    display: 'grid',
    placeItems: 'center',
  },
  '.cm-lint-marker::after': { content: '"●"', color: 'var(--waiting)', fontSize: '11px' },
  '.cm-lint-marker-error::after': { content: '"▲"', color: 'var(--failed)', fontSize: '10px' },
  '.cm-marked-line': { backgroundColor: 'var(--failed-ground)', boxShadow: 'inset 3px 0 0 var(--failed)' },
  '.cm-problem-note': {
    display: 'block',
    padding: '2px 8px 2px 10px',
    color: 'var(--failed)',
    backgroundColor: 'var(--failed-ground)',
    fontFamily: 'var(--font-text)',
    fontSize: 'var(--size-12)',
    boxShadow: 'inset 3px 0 0 var(--failed)',
    whiteSpace: 'pre-wrap',
  },
  '.cm-placeholder': { color: 'var(--n10)' },
  // The merge view.
  '.cm-changedLine, &.cm-merge-b .cm-changedLine': { backgroundColor: 'var(--success-ground)' },
  '.cm-insertedLine, & .cm-insertedLine': { background: 'transparent', textDecoration: 'none' },
  '.cm-changedText, &.cm-merge-b .cm-changedText': {
    background: 'color-mix(in oklch, var(--success) 16%, transparent)',
    textDecoration: 'none',
  },
  '&.cm-merge-a .cm-changedLine, .cm-deletedChunk': { backgroundColor: 'var(--failed-ground)' },
  '&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText, & .cm-deletedText': {
    background: 'color-mix(in oklch, var(--failed) 13%, transparent)',
    textDecoration: 'none',
  },
  '.cm-deletedLine, .cm-deletedChunk del': { textDecoration: 'none' },
  '.cm-changeGutter': { width: '3px', paddingLeft: '0' },
  '.cm-changedLineGutter': { background: 'var(--success)' },
  '.cm-deletedLineGutter': { background: 'var(--failed)' },
  '.cm-collapsedLines': {
    background: 'var(--ground-frame)',
    color: 'var(--text-quiet)',
    padding: '4px 12px',
    fontFamily: 'var(--font-text)',
    fontSize: 'var(--size-12)',
  },
});

const colours = HighlightStyle.define([
  { tag: [t.comment, t.lineComment, t.blockComment, t.docComment], color: 'var(--code-comment)', fontStyle: 'italic' },
  {
    tag: [t.keyword, t.controlKeyword, t.moduleKeyword, t.definitionKeyword, t.operatorKeyword, t.modifier],
    color: 'var(--code-keyword)',
  },
  { tag: [t.string, t.special(t.string), t.character, t.attributeValue], color: 'var(--code-string)' },
  { tag: [t.regexp, t.escape], color: 'var(--code-number)' },
  { tag: [t.number, t.bool, t.null, t.atom, t.self], color: 'var(--code-number)' },
  {
    tag: [
      t.function(t.variableName),
      t.function(t.propertyName),
      t.definition(t.function(t.variableName)),
      t.macroName,
    ],
    color: 'var(--code-name)',
  },
  { tag: [t.propertyName, t.attributeName, t.labelName], color: 'var(--code-name)' },
  { tag: [t.typeName, t.className, t.namespace, t.standard(t.typeName), t.tagName], color: 'var(--code-type)' },
  { tag: [t.meta, t.annotation, t.processingInstruction], color: 'var(--code-comment)' },
  { tag: t.heading, fontWeight: '600' },
  { tag: t.strong, fontWeight: '600' },
  { tag: t.emphasis, fontStyle: 'italic' },
  { tag: [t.link, t.url], color: 'var(--accent-text)', textDecoration: 'underline' },
  { tag: t.invalid, color: 'var(--failed)' },
]);

export const theme: Extension = [look, syntaxHighlighting(colours)];
