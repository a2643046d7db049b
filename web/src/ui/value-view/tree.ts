export type Path = readonly (string | number)[];

/** One row of the tree as it is shown. */
export interface TreeRow {
  id: string;
  path: Path;
  depth: number;
  /** Name within its parent; undefined for the root. */
  name: string | number | undefined;
  value: unknown;
  branch: boolean;
  open: boolean;
  /** A row that stands for what did not fit: how many more there are. */
  more?: number;
}

/** Branches of more children than this show the rest on demand, in steps of the same size. */
export const STEP = 500;

export const idOf = (path: Path): string => JSON.stringify(path);

export function isBranch(v: unknown): v is object {
  return typeof v === 'object' && v !== null && (Array.isArray(v) ? v.length > 0 : Object.keys(v).length > 0);
}

/** The rows in sight of a tree: only open branches are walked, so a value of any size costs what it shows. */
export function rowsOf(root: unknown, open: ReadonlySet<string>, limits: ReadonlyMap<string, number>): TreeRow[] {
  const out: TreeRow[] = [];
  const visit = (value: unknown, path: Path, name: string | number | undefined): void => {
    const id = idOf(path);
    const branch = isBranch(value);
    const isOpen = branch && open.has(id);
    out.push({ id, path, depth: path.length, name, value, branch, open: isOpen });
    if (!isOpen) return;
    const limit = limits.get(id) ?? STEP;
    if (Array.isArray(value)) {
      for (let i = 0; i < Math.min(limit, value.length); i++) visit(value[i], [...path, i], i);
      if (value.length > limit) out.push(rest(path, id, value.length - limit));
      return;
    }
    const keys = Object.keys(value as object);
    for (const k of keys.slice(0, limit)) visit((value as Record<string, unknown>)[k], [...path, k], k);
    if (keys.length > limit) out.push(rest(path, id, keys.length - limit));
  };
  visit(root, [], undefined);
  return out;
}

function rest(path: Path, id: string, more: number): TreeRow {
  return {
    id: `${id}+`,
    path,
    depth: path.length + 1,
    name: undefined,
    value: undefined,
    branch: false,
    open: false,
    more,
  };
}

/** What is open at first: the root, and its branches while the whole stays within about a screen. */
export function firstOpen(root: unknown): Set<string> {
  const out = new Set<string>();
  let budget = 40;
  let level: [unknown, Path][] = [[root, []]];
  for (let depth = 0; depth < 4 && level.length > 0; depth++) {
    const next: [unknown, Path][] = [];
    for (const [value, path] of level) {
      if (!isBranch(value)) continue;
      const size = Array.isArray(value) ? value.length : Object.keys(value).length;
      if (depth > 0 && size > budget) continue;
      budget -= size;
      out.add(idOf(path));
      if (size > STEP) continue;
      for (const [k, v] of Object.entries(value)) next.push([v, [...path, Array.isArray(value) ? Number(k) : k]]);
    }
    level = next;
  }
  return out;
}

/** Finds values and names that contain the words, breadth of the whole value, at most `limit` places and `budget` visits. */
export function find(root: unknown, needle: string, limit = 1000, budget = 500_000): Path[] {
  const wanted = needle.toLowerCase();
  const out: Path[] = [];
  if (wanted === '') return out;
  let visits = 0;
  const visit = (value: unknown, path: Path, name: string | number | undefined): void => {
    if (out.length >= limit || ++visits > budget) return;
    const inName = typeof name === 'string' && name.toLowerCase().includes(wanted);
    const branch = typeof value === 'object' && value !== null;
    if (inName || (!branch && String(value).toLowerCase().includes(wanted))) out.push(path);
    if (!branch) return;
    if (Array.isArray(value)) value.forEach((v, i) => visit(v, [...path, i], i));
    else for (const [k, v] of Object.entries(value)) visit(v, [...path, k], k);
  };
  visit(root, [], undefined);
  return out;
}

/** Opens the branches above a place, and shows enough of them for it to be seen. */
export function reveal(
  root: unknown,
  path: Path,
  open: ReadonlySet<string>,
  limits: ReadonlyMap<string, number>,
): { open: Set<string>; limits: Map<string, number> } {
  const nextOpen = new Set(open);
  const nextLimits = new Map(limits);
  let at: unknown = root;
  for (let i = 0; i < path.length; i++) {
    const parent = path.slice(0, i);
    const id = idOf(parent);
    nextOpen.add(id);
    const key = path[i] as string | number;
    const index = Array.isArray(at) ? Number(key) : Object.keys(at as object).indexOf(String(key));
    const needed = Math.ceil((index + 1) / STEP) * STEP;
    if (needed > (nextLimits.get(id) ?? STEP)) nextLimits.set(id, needed);
    at = (at as Record<string | number, unknown>)[key];
  }
  return { open: nextOpen, limits: nextLimits };
}
