import { useSyncExternalStore } from 'react';

// One timer for all relative times and ticking durations of the page; it stands still while nobody looks at it.

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    now = Date.now();
    for (const l of [...listeners]) l();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function read(): number {
  if (timer === undefined) now = Date.now();
  return now;
}

/** The time in milliseconds, new every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, read, read);
}
