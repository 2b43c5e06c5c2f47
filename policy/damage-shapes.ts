import type { Damage } from './damage.ts';

/** What no reading of words can see, because the shape itself is the weapon. Patterns are linear. */
const SHAPES: readonly (Damage & { readonly pattern: RegExp })[] = [
  {
    pattern: /\b(?:while|until)\b[^\n;]{0,32};\s{0,4}do\b[^\n;&]{0,64}&\s{0,4};?\s{0,4}done/,
    rule: 'destruction.fork-bomb',
    effect: 'destroy',
    reason: 'it starts copies of itself until nothing runs',
  },
  {
    pattern: /([\w:.]{1,32})[ \t]{0,4}\(\)[ \t\n]{0,4}\{[^}]{0,64}\|[^}&]{0,64}&/,
    rule: 'destruction.fork-bomb',
    effect: 'destroy',
    reason: 'it starts copies of itself until nothing runs',
  },
  {
    pattern:
      /\bfork\b(?:\(\))?[\s;]{1,4}(?:while|until)\b|\bwhile\b[^\n]{0,24}\bfork\b|\bfork\(\)\s{1,4}for\b|\bloop\s{0,4}\{?\s{0,4}(?:do\s)?\s{0,4}fork\b/,
    rule: 'destruction.fork-bomb',
    effect: 'destroy',
    reason: 'it starts copies of itself until nothing runs',
  },
  {
    pattern: /\/dev\/(?:tcp|udp)\/[^\s/]/,
    rule: 'destruction.reverse-shell',
    effect: 'breach',
    reason: 'it opens a connection out of the shell',
  },
  {
    pattern:
      /(?:\b(?:ba|da|z|k)?sh|\beval|\bsource|(?:^|[\s;&|])\.)\s[^\n]{0,64}?(?:\$\(|`|<\()\s{0,4}(?:sudo\s)?(?:(?:curl|wget|base64|nc)\b|(?:echo|printf|cat)\s[^)`\n]{0,2048}\|\s{0,4}(?:(?:base64|base32|openssl)\s[^)`\n]{0,32}-\w*d|xxd\s[^)`\n]{0,16}-\w*r|rev\b|tr\s))/,
    rule: 'destruction.remote-code',
    effect: 'breach',
    reason: 'it runs code that nobody vetted',
  },
  {
    pattern: /\b(?:rmtree|remove_tree|rm_rf|rm_r|rmSync|rmdirSync)\s{0,4}\(?\s{0,4}['"]\//,
    rule: 'destruction.script',
    effect: 'destroy',
    reason: 'it removes a tree by a script',
  },
  {
    pattern: /\b(?:docker|podman)\s(?:container\s)?(?:rm|kill|stop)\b[^;|&\n]{0,40}(?:\$\(|`)\s?(?:docker|podman)\s/,
    rule: 'destruction.containers',
    effect: 'destroy',
    reason: 'it takes away every container',
  },
  {
    pattern: /\bkill(?:all)?\b[^;|&\n]{0,40}(?:\$\(|`)[^)`\n]{0,40}\bsentinel\b/,
    rule: 'self.process',
    effect: 'breach',
    reason: 'Sentinel does not act on itself',
  },
];

/** The damage that the shape of a text does, or null. */
export function shapeDamage(text: string): Damage | null {
  return SHAPES.find(({ pattern }) => pattern.test(text)) ?? null;
}
