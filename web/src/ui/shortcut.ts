// Shortcuts as text: "mod+k", "mod+shift+enter", "?", "/", and sequences "g r". `mod` is ⌘ on Apple's machines, else Ctrl.

const apple = typeof navigator !== 'undefined' && /mac|iphone|ipad/i.test(navigator.platform || navigator.userAgent);

type Chord = { key: string; mod: boolean; shift: boolean; alt: boolean };

/** Reads a shortcut into the chords to press one after the other. */
export function parseShortcut(text: string): Chord[] {
  return text.split(' ').map((part) => {
    const names = part.toLowerCase().split('+');
    return {
      key: names[names.length - 1] ?? '',
      mod: names.includes('mod'),
      shift: names.includes('shift'),
      alt: names.includes('alt'),
    };
  });
}

type Press = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>;

/** Whether a key press is the chord. Shift matters only with letters and named keys: "?" needs it on most keyboards. */
export function matchesChord(chord: Chord, press: Press): boolean {
  const key = press.key.toLowerCase();
  if (key !== chord.key) return false;
  const mod = apple ? press.metaKey : press.ctrlKey;
  if (mod !== chord.mod || press.altKey !== chord.alt) return false;
  const symbol = key.length === 1 && !/[a-z0-9]/.test(key);
  return symbol || press.shiftKey === chord.shift;
}

/** Whether the shortcut may fire while a text field has the focus. */
export function worksWhileTyping(text: string): boolean {
  return parseShortcut(text).some((c) => c.mod);
}

const names: Record<string, string> = { enter: '↵', arrowup: '↑', arrowdown: '↓', escape: 'Esc', backspace: '⌫' };

/** The keys to show, in order. */
export function shortcutKeys(text: string): string[] {
  return parseShortcut(text).flatMap((c) => [
    ...(c.mod ? [apple ? '⌘' : 'Ctrl'] : []),
    ...(c.alt ? [apple ? '⌥' : 'Alt'] : []),
    ...(c.shift ? [apple ? '⇧' : 'Shift'] : []),
    names[c.key] ?? c.key.toUpperCase(),
  ]);
}
