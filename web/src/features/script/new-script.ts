import type { Language } from '~/api/queries';
import type { Draft } from '~/api/scripts';

/** Where a new script starts: the template of a language under one's own name. Undefined without any language. */
export function newScript(
  languages: readonly Language[],
  username: string,
  asked: { sample?: string; path?: string; language?: string },
  /** Paths of one's drafts: a new script does not open an old one. */
  taken: readonly string[] = [],
): Draft | undefined {
  const language = languages.find((l) => l.id === asked.language) ?? languages[0];
  if (!language) return undefined;
  return {
    path: asked.path ?? (asked.sample ? `u/${username}/${slug(asked.sample)}` : free(`u/${username}/untitled`, taken)),
    language: language.id,
    content: language.templates.script ?? '',
    summary: '',
  };
}

function free(path: string, taken: readonly string[]): string {
  if (!taken.includes(path)) return path;
  for (let n = 2; ; n++) if (!taken.includes(`${path}_${n}`)) return `${path}_${n}`;
}

function slug(name: string): string {
  return name.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^_+|_+$/g, '') || 'sample';
}
