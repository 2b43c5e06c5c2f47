import type { Evidence, EvidenceItem } from '../../evidence/evidence.ts';
import { oneLine } from '../../evidence/words.ts';

/** A change longer ago than this is not looked at: who would still think of it? */
const CHANGE_MS = 8 * 86_400_000;

/** What was changed of a thing before it began, as a sentence goes on: `, since the upgrade (deploy) of NAME from A to B`. */
export interface Since {
  readonly words: string;
  readonly ids: readonly string[];
  /** A package to go back to and its version before: the thing's own, named by what the agent itself read. */
  readonly package: readonly [string, string] | null;
}

const NONE: Since = { words: '', ids: [], package: null };

/**
 * The newest change of one of these names among the items: one that speaks of a whole name before one that holds only a
 * part of it.
 */
export function changeOf(
  { event, snapshot }: Evidence,
  items: readonly EvidenceItem[],
  names: readonly (string | undefined)[],
): Since {
  const own = names.flatMap((name) => (name === undefined || name === '' ? [] : [bareName(name)]));
  const recent = (snapshot?.changes ?? []).filter(({ ts }) => ts <= event.ts && event.ts - ts <= CHANGE_MS);
  const said = items.flatMap(({ id, kind, text, trusted }) => {
    const what = kind === 'change' ? whatOf(text) : null;
    const isRecent = what !== null && recent.some((one) => oneLine(one.what.text, 240).startsWith(what.slice(0, 40)));
    return what !== null && isRecent ? [{ id, what, trusted }] : [];
  });
  for (const wanted of [own.filter((name) => name.length >= 2), own.flatMap(partsOf)]) {
    const found = said.find(({ what }) => wanted.some((part) => speaksOf(what, part)));
    if (found === undefined) continue;
    const { id, what, trusted } = found;
    const upgrades = upgradesIn(what);
    const of = upgrades.find(({ name }) => wanted.some((part) => speaksOf(name, part))) ?? upgrades[0];
    const words =
      of === undefined
        ? `, since a change: ${harmless(what)}`
        : `, since the upgrade (deploy) of ${of.name} from ${of.from} to ${of.to}`;
    const back = trusted ? upgrades.find(({ name }) => own.some((one) => isPackageOf(name, one))) : undefined;
    return { words, ids: [id], package: back === undefined ? null : [back.name, back.from] };
  }
  return NONE;
}

/** What a change's item says was changed; null of what came after the alert. */
export function whatOf(text: string): string | null {
  const at = text.indexOf(' before: ');
  return at < 0 ? null : text.slice(at + 9);
}

/** Whether a text speaks of a name: where a word begins, since `cast` is no part of `broadcast`. */
export function speaksOf(text: string, name: string): boolean {
  const all = text.toLowerCase();
  for (let at = all.indexOf(name); at >= 0; at = all.indexOf(name, at + 1)) {
    if (at === 0 || !/[a-z0-9]/.test(all[at - 1] ?? '') || !/[a-z0-9]/.test(name[0] ?? '')) return true;
  }
  return false;
}

interface Upgrade {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** The upgrades that a change speaks of: `packages upgraded: nginx 1.22 -> 1.24, libc6 2.36-8 -> 2.36-9`. */
function upgradesIn(what: string): readonly Upgrade[] {
  if (!/package|upgraded|deploy|image|installed/i.test(what)) return [];
  const found = what.matchAll(
    /(?:^|[\s,])([a-z0-9](?:[a-z0-9.+_-]{0,98}[a-z0-9])?)(?:\s+image)?\s+v?([0-9][\w.+~:-]{0,78})\s*->\s*v?([0-9][\w.+~:-]{0,78})/gi,
  );
  return [...found].map(([, name = '', from = '', to = '']) => ({ name, from, to }));
}

/** Whether a package is what a service is named after: `postgresql-15` of `postgresql`, and not `rsync` of `recipe-sync`. */
const isPackageOf = (name: string, of: string): boolean =>
  of.length >= 2 && (name === of || name.startsWith(`${of}-`) || of.startsWith(`${name}-`));

/** A thing's name without the ending of its kind. */
export const bareName = (name: string): string =>
  name.toLowerCase().replace(/\.(?:service|timer|socket|py|js|sh|pl|rb|jar)$/, '');

/** Parts of names that every second thing has: they point to none. */
const COMMON =
  /^(?:server|service|daemon|agent|gateway|bridge|main|worker|master|node|http|local|system|client|manager|data|site|prod|test|host|unit|container|python\d*|java)$/;

/** The parts of a name by which a change may speak of it: `recipe` of `recipe-sync`. */
export const partsOf = (bare: string): readonly string[] =>
  [bare, ...bare.split(/[^a-z0-9]+/)].filter((part) => part.length >= 4 && (part === bare || !COMMON.test(part)));

/** Foreign words for a sentence: letters, digits and the signs of paths and versions, cut short. */
export const harmless = (text: string): string => oneLine(text.replace(/[^A-Za-z0-9 ._:/=>()+-]/g, ' '), 90);
