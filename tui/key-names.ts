// What terminals send for keys that are no characters: xterm, tmux, screen, PuTTY, rxvt and the Linux console agree
// on nothing but these tables.

/** Last letter of a CSI or SS3 sequence. */
export const FINALS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  E: 'clear',
  F: 'end',
  H: 'home',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
  Z: 'shift-tab',
};
/** First number of a CSI sequence that ends in `~`. */
export const TILDES: Readonly<Record<string, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'page-up',
  6: 'page-down',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
};
/** Control bytes that are not simply ctrl and a letter. */
const CONTROLS: Readonly<Record<number, string>> = {
  0: 'ctrl-space',
  8: 'backspace',
  9: 'tab',
  10: 'enter',
  13: 'enter',
  28: 'ctrl-\\',
  29: 'ctrl-]',
  30: 'ctrl-^',
  31: 'ctrl-_',
  127: 'backspace',
};

/** The key of a control byte; 27 is none by itself, as it begins every sequence. */
export function controlName(byte: number): string {
  if (byte === 27) return 'escape';
  return CONTROLS[byte] ?? `ctrl-${String.fromCharCode(byte + 0x60)}`;
}
