import { useEffect, useState } from 'react';
import { useNotes } from '~/api/live';
import { asProblem, type Problem } from '~/api/problem';
import { type Signature, signature } from '~/api/scripts';
import type { JsonSchema } from '~/schema-form/schema';

/** So long after the last keystroke the code is read: with the way to the server, the form is there within 100 ms. */
const PAUSE = 50;

export interface LiveSignature {
  /** The last one that could be read: half-written code does not take the form away. */
  schema: JsonSchema | undefined;
  latest: Signature | undefined;
  /** The server could not be asked. */
  problem: Problem | undefined;
}

/** What the code takes, read again while it is written. */
export function useSignature(
  workspace: string,
  language: string,
  content: string,
  path: string,
  known: JsonSchema | undefined,
): LiveSignature {
  const [state, setState] = useState<LiveSignature>({ schema: known, latest: undefined, problem: undefined });
  // Counts how often the server came back after it could not be asked.
  const [round, setRound] = useState(0);
  useNotes((note) => {
    if (note.kind === '' && state.problem) setRound((n) => n + 1);
  });
  useEffect(() => {
    void round;
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const latest = await signature(workspace, language, content, path, abort.signal);
        const schema = latest.error || !latest.schema ? undefined : (latest.schema as JsonSchema);
        setState((old) => ({ schema: schema ?? old.schema, latest, problem: undefined }));
      } catch (e) {
        if (!abort.signal.aborted) setState((old) => ({ ...old, problem: asProblem(e) }));
      }
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [workspace, language, content, path, round]);
  return state;
}
