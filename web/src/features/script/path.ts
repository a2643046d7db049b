/** What is wrong with a path, in a sentence; undefined when nothing is. The server has the last word. */
export function pathProblem(path: string): string | undefined {
  if (path.trim() === '') return 'Give it a path, like f/team/name.';
  const parts = path.split('/');
  if (parts[0] !== 'u' && parts[0] !== 'f') return 'A path begins with u/<your name>/ or f/<folder>/.';
  if (parts.length < 3 || parts.some((p) => p === ''))
    return `A path has at least three parts, like ${parts[0]}/${parts[1] || 'team'}/name.`;
  const bad = parts.slice(1).find((p) => !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(p) || p.endsWith('.'));
  if (bad !== undefined) return `"${bad}" may hold letters, digits, _, - and . only.`;
  return path.length > 255 ? 'A path has at most 255 characters.' : undefined;
}
