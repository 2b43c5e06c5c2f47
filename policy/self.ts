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

/** True when any part of an argument names something of ours: `--file=/etc/sentinel-agent/x`, `of=/opt/sentinel-hub`. */
export function namesSelf(argument: string): boolean {
  if (!/sentinel/i.test(argument)) return false;
  return argument
    .split(/[=:,\s"'()]+/)
    .some((part) => isOwnUnit(part) || (part.includes('/') && isOwnPath(part)) || part === '.sentinel');
}
