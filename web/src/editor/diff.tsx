import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { useLayoutEffect, useRef } from 'react';
import type { DiffViewProps } from './code-editor';
import { loadMode } from './languages';
import { common } from './setup';

/** Read-only; unchanged stretches are folded. */
export function Diff({ before, after, mode, label, split = false }: DiffViewProps) {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    let over = false;
    let destroy = () => {};
    void loadMode(mode).then((language) => {
      if (over || !host.current) return;
      const shared: Extension = [
        common(),
        lineNumbers(),
        language,
        EditorState.readOnly.of(true),
        EditorView.lineWrapping,
      ];
      const named = (name: string) => EditorView.contentAttributes.of({ 'aria-label': name, 'aria-readonly': 'true' });
      const collapse = { margin: 3, minSize: 6 };
      if (split) {
        const v = new MergeView({
          a: { doc: before, extensions: [shared, named(`${label}, before`)] },
          b: { doc: after, extensions: [shared, named(`${label}, after`)] },
          parent: host.current,
          collapseUnchanged: collapse,
          gutter: true,
        });
        destroy = () => v.destroy();
      } else {
        const v = new EditorView({
          parent: host.current,
          state: EditorState.create({
            doc: after,
            extensions: [
              shared,
              named(label),
              unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: collapse, gutter: true }),
            ],
          }),
        });
        destroy = () => v.destroy();
      }
    });
    return () => {
      over = true;
      destroy();
    };
  }, [before, after, mode, label, split]);
  return <div ref={host} style={{ height: '100%', minHeight: 0, overflow: 'auto' }} />;
}
