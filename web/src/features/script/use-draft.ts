import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { asProblem, type Problem } from '~/api/problem';
import { type Draft, deleteDraft, saveDraft } from '~/api/scripts';
import { pathProblem } from './path';

/** So long after the last change the draft is saved. */
const PAUSE = 800;

export interface DraftState {
  status: 'untouched' | 'unsaved' | 'saving' | 'saved' | 'failed';
  savedAt: number;
  problem?: Problem;
  /** Saves now. */
  save: () => void;
  /** Stops saving: the draft became a version or was thrown away. */
  done: () => void;
}

/** Keeps what is being written on the server, one draft per person and path. */
export function useDraft(workspace: string, value: Draft, touched: boolean, storedAt: string | undefined): DraftState {
  const [status, setStatus] = useState<DraftState['status']>(storedAt ? 'saved' : 'untouched');
  const [savedAt, setSavedAt] = useState(storedAt ? Date.parse(storedAt) : 0);
  const [problem, setProblem] = useState<Problem>();
  const text = JSON.stringify(value);
  const saved = useRef(storedAt ? text : '');
  const at = useRef(storedAt ? value.path : '');
  const over = useRef(false);
  const running = useRef<AbortController>(undefined);

  const write = useEffectEvent(async () => {
    if (over.current || !touched || text === saved.current || pathProblem(value.path) !== undefined) return;
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    setStatus('saving');
    try {
      await saveDraft(workspace, value, value.path, abort.signal);
      // The path was changed: the draft moves, it does not multiply.
      const before = at.current;
      at.current = value.path;
      if (before !== '' && before !== value.path) await deleteDraft(workspace, before).catch(() => undefined);
      saved.current = text;
      setSavedAt(Date.now());
      setProblem(undefined);
      setStatus('saved');
    } catch (e) {
      if (abort.signal.aborted) return;
      setProblem(asProblem(e));
      setStatus('failed');
    }
  });

  useEffect(() => {
    if (!touched || text === saved.current) return;
    const timer = setTimeout(() => void write(), PAUSE);
    return () => clearTimeout(timer);
  }, [text, touched]);

  // What was typed in the last moments before leaving is saved too.
  const leave = useEffectEvent(() => {
    if (over.current || !touched || text === saved.current || pathProblem(value.path) !== undefined) return;
    void fetch(
      `/api/w/${encodeURIComponent(workspace)}/drafts/script/${value.path.split('/').map(encodeURIComponent).join('/')}`,
      {
        method: 'PUT',
        keepalive: text.length < 60_000,
        headers: { 'Content-Type': 'application/json', 'X-Tidemill-CSRF': '1' },
        body: JSON.stringify({ value }),
      },
    ).catch(() => undefined);
    saved.current = text;
  });
  useEffect(() => {
    const onHide = () => leave();
    window.addEventListener('pagehide', onHide);
    return () => {
      window.removeEventListener('pagehide', onHide);
      leave();
    };
  }, []);

  const shown =
    touched && text !== saved.current && (status === 'untouched' || status === 'saved') ? 'unsaved' : status;
  return {
    status: shown,
    savedAt,
    problem,
    save: () => void write(),
    done: () => {
      over.current = true;
      running.current?.abort();
    },
  };
}
