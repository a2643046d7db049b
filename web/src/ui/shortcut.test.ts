import { expect, test } from 'vitest';
import { matchesChord, parseShortcut, shortcutKeys, worksWhileTyping } from './shortcut';

const press = (key: string, mods: Partial<{ ctrlKey: boolean; shiftKey: boolean; altKey: boolean }> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...mods,
});
const fires = (shortcut: string, p: ReturnType<typeof press>) => {
  const [chord] = parseShortcut(shortcut);
  return chord !== undefined && matchesChord(chord, p);
};

test('modifiers must fit exactly, but a sign may need Shift to be typed', () => {
  expect(fires('mod+k', press('k', { ctrlKey: true }))).toBe(true);
  expect(fires('mod+k', press('k'))).toBe(false);
  expect(fires('mod+enter', press('Enter', { ctrlKey: true, shiftKey: true }))).toBe(false);
  expect(fires('?', press('?', { shiftKey: true }))).toBe(true);
  expect(fires('c', press('c', { altKey: true }))).toBe(false);
});

test('only shortcuts with Ctrl work in a text field', () => {
  expect(worksWhileTyping('mod+enter')).toBe(true);
  expect(worksWhileTyping('g r')).toBe(false);
});

test('sequences show their keys in order', () => expect(shortcutKeys('g r')).toEqual(['G', 'R']));
