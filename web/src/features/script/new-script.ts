import type { Language } from '~/api/queries';
import type { Draft } from '~/api/scripts';

/** Where a new script starts: the template of a language under one's own name. Undefined without any language. */
export function newScript(
  languages: readonly Language[],
  username: string,
  asked: { sample?: string; path?: string; language?: string },
): Draft | undefined {
  const language = languages.find((l) => l.id === asked.language) ?? languages[0];
  if (!language) return undefined;
  return {
    path: asked.path ?? `u/${username}/${asked.sample ? slug(asked.sample) : 'untitled'}`,
    language: language.id,
    content: language.templates.script ?? '',
    summary: '',
  };
}

function slug(name: string): string {
  return name.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^_+|_+$/g, '') || 'sample';
}
