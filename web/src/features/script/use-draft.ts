import { useEffect, useState, useSyncExternalStore } from 'react';
import { useNotes } from '~/api/live';
import type { Draft, StoredDraft } from '~/api/scripts';
import { DraftSaver, type DraftState } from './draft-saver';

/** Saves what is being written while it is written, and once more when the page is left. */
export function useDraft(
  workspace: string,
  value: Draft,
  touched: boolean,
  stored: StoredDraft | undefined,
): { saver: DraftSaver; saving: DraftState } {
  const [saver] = useState(
    () => new DraftSaver(workspace, stored && { path: stored.value.path, updated_at: stored.updated_at }),
  );
  const saving = useSyncExternalStore(saver.subscribe, saver.state);
  useEffect(() => saver.update(value, touched), [saver, value, touched]);
  // The server came back: what it did not take is sent again.
  useNotes((note) => {
    if (note.kind === '' && saver.state().status === 'failed') void saver.save();
  });
  useEffect(() => {
    window.addEventListener('pagehide', saver.leave);
    return () => {
      window.removeEventListener('pagehide', saver.leave);
      saver.leave();
    };
  }, [saver]);
  return { saver, saving };
}
