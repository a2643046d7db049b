import { type LanguageSupport, StreamLanguage } from '@codemirror/language';
import type { Extension } from '@codemirror/state';

/** The modes there are. A name that is none of these is edited as plain text. */
const modes: Record<string, () => Promise<Extension>> = {
  python: async () => (await import('@codemirror/lang-python')).python(),
  typescript: async () => javascript(true),
  javascript: async () => javascript(false),
  go: async () => (await import('@codemirror/lang-go')).go(),
  json: async () => (await import('@codemirror/lang-json')).json(),
  markdown: async () => (await import('@codemirror/lang-markdown')).markdown(),
  shell: async () => StreamLanguage.define((await import('@codemirror/legacy-modes/mode/shell')).shell),
};

async function javascript(typescript: boolean): Promise<LanguageSupport> {
  return (await import('@codemirror/lang-javascript')).javascript({ typescript });
}

/** Loads the grammar of a mode. Typing works before it is there. */
export async function loadMode(name: string): Promise<Extension> {
  const load = modes[name];
  return load ? await load() : [];
}
