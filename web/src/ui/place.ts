import { useEffect } from 'react';
import { create } from 'zustand';

// Where the viewer is, as the frame's header and the browser's tab say it.

/** The steps of a path, outermost first; `code` marks what reads better in code type. */
export type Trail = { trail: string[] };

// The page's first title is the product's name.
const product = document.title;

export const usePlaceStore = create<Trail>(() => ({ trail: [] }));

/** The steps of an object's path: where it lives, and its name. */
export function pathTrail(path: string): string[] {
  const at = path.lastIndexOf('/');
  return at < 0 ? [path] : [path.slice(0, at), path.slice(at + 1)];
}

/** Names the page that is open: the header shows the trail, the tab its last step first. */
export function usePlace(...trail: string[]) {
  const text = trail.join('\n');
  useEffect(() => {
    const steps = text === '' ? [] : text.split('\n');
    usePlaceStore.setState({ trail: steps });
    document.title = [...steps].reverse().concat(product).join(' · ');
  }, [text]);
}
