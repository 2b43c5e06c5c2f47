import { normalise } from './paths.ts';

/**
 * Self-protection: what is Sentinel's own is out of reach of every plan, whoever approves it (invariant 5). It is code
 * and not a rule file, so that no tier can take it away.
 */
const UNIT = /^sentinel(?:-[a-z0-9@_.*-]+)?(?:\.[a-z]+)?$/i;
const PATH = /^\/(?:opt|etc|var\/lib|var\/log|run|var\/run|usr\/lib)\/sentinel(?:-[^/]*)?(?:\/|$)/;
const UNIT_FILE = /\/(?:systemd\/(?:system|user)|init\.d|system\.control)\/(?:.*\/)?sentinel[-.@*]/;

/** True for a unit or process name of ours: `sentinel-hub`, `sentinel-agent.service`, `sentinel-*`. */
export function isOwnUnit(name: string): boolean {
  return UNIT.test(name);
}

/** True for a path of ours, however it is spelled. Globs count as what they could match. */
export function isOwnPath(path: string): boolean {
  const clean = normalise(path);
  return (
    PATH.test(clean) ||
    /(?:^|\/)\.sentinel(?:\/|$)/.test(clean) ||
    UNIT_FILE.test(clean) ||
    clean.includes('/sentinel-*')
  );
}

const NAMES = ['sentinel', 'sentinel-agent', 'sentinel-hub', 'sentinel-exec'];
const OWN = [
  ...NAMES.flatMap((name) => [name, `${name}.service`]),
  ...['/opt', '/etc', '/var/lib', '/var/log', '/run', '/usr/lib'].flatMap((at) => NAMES.map((name) => `${at}/${name}`)),
];

/** True for a glob with letters of its own that one of our names or folders matches: `sent?nel-agent`, `/opt/s*`. */
function couldMean(part: string): boolean {
  if (part.length > 64 || !/[*?[]/.test(part) || !/[a-z]{2}/i.test(part.replace(/\[[^\]]*\]/g, ''))) return false;
  const glob = part.replace(/\[[^\]]*\]?/g, '?');
  // What stands before the first and after the last wildcard tells most of them apart at once.
  const stem = glob.replace(/[*?].*$/, '');
  const tail = glob.replace(/^.*[*?]/, '');
  return OWN.some((name) => name.startsWith(stem) && name.endsWith(tail) && globMatches(glob, name));
}

/** `*` and `?` only, in time that is a product of the two lengths. */
function globMatches(glob: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let from = 0;
  let i = 0;
  while (i < name.length) {
    const c = glob.charAt(at);
    if (c === '*') {
      star = at++;
      from = i;
    } else if (c === '?' || c === name.charAt(i)) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++from;
    } else return false;
  }
  while (glob.charAt(at) === '*') at++;
  return at === glob.length;
}

/** True when any part of an argument names something of ours: `--file=/etc/sentinel-agent/x`, `of=/opt/sentinel-hub`. */
export function namesSelf(argument: string): boolean {
  const spelled = /[*?[]/.test(argument);
  if (!spelled && !/sentinel/i.test(argument)) return false;
  const parts = argument.split(/[=:,\s"'(){}]+/);
  if (
    parts.some(
      (part) =>
        isOwnUnit(part) || (part.includes('/') && isOwnPath(part)) || part === '.sentinel' || part === 'sentinel-',
    )
  )
    return true;
  return spelled && parts.some(couldMean);
}
