import type { Evidence } from '../evidence/evidence.ts';
import { labelledProcess } from '../evidence/find.ts';
import { isPlanted } from '../evidence/injection.ts';
import { duration } from '../evidence/words.ts';
import { bareName, harmless, partsOf, speaksOf, whatOf } from './causes/changes.ts';
import { programOf } from './causes/programs.ts';
import type { Finding } from './rules-checks.ts';

/** Before that a change is one of many: only a cause that knows its name looks further back. */
const CHANGE_WINDOW_MS = 3_600_000;
/** How many changes of the same hour are told: which of them it was is not shown. */
const TOLD = 2;

const CONNECTIONS =
  /connect|econn|timed? ?out|unreachable|refused|no route|resol(?:ve|ution)|handshake|reset by peer|socket|upstream/i;
const OF_NETWORK =
  /firewall|nft|iptables|\bufw\b|firewalld|\broutes?\b|routing|\bvlan|switch|\bvpn\b|wireguard|\bdns\b|resolv|proxy|netplan|networkd|networkmanager|certificate/i;

/** What was changed within the hour before, and touches what is in trouble, is the first suspect. */
export function recentChange(evidence: Evidence): Finding | null {
  const { ts } = evidence.event;
  const near = (evidence.snapshot?.changes ?? []).filter(
    (change) => change.ts <= ts && ts - change.ts <= CHANGE_WINDOW_MS,
  );
  const newest = near.reduce((max, change) => Math.max(max, change.ts), 0);
  const touching = evidence.items
    // The items stand in the order of their time, the newest first.
    .filter((item) => item.kind === 'change' && whatOf(item.text) !== null)
    .slice(0, near.length)
    .flatMap((item) => {
      const what = whatOf(item.text) ?? '';
      return !isPlanted(item) && touches(evidence, what) ? [{ id: item.id, what }] : [];
    })
    .slice(0, TOLD);
  if (touching.length === 0) return null;
  return {
    check: 'recent-change',
    claim: `Something was changed ${duration((ts - newest) / 1_000)} before it began`,
    evidence: touching.map(({ id }) => id),
    weight: 0,
    instead: `a change within the hour before brought it about: ${touching.map(({ what }) => harmless(what)).join('; or ')}`,
  };
}

/** It speaks of what the alert is about or of who stands out, or it is of the network and connections fail. */
function touches(evidence: Evidence, what: string): boolean {
  const { entities, items, snapshot } = evidence;
  const things = entities.flatMap(({ kind, value, labels }) =>
    (kind === 'unit' || kind === 'container') && labels.includes('subject') ? [value] : [],
  );
  const programs = ['culprit', 'top_cpu', 'top_mem'].flatMap((label) => {
    const pid = labelledProcess(evidence, label)?.value;
    const all = [...(snapshot?.top_mem ?? []), ...(snapshot?.top_cpu ?? []), ...(snapshot?.top_fds ?? [])];
    return all.filter(({ process }) => String(process.pid) === pid).map(programOf);
  });
  const names = [...things, ...programs].map(bareName).flatMap((name) => [name, ...partsOf(name)]);
  if (names.some((name) => speaksOf(what, name))) return true;
  return (
    OF_NETWORK.test(what) &&
    items.some((item) => item.kind === 'log' && !isPlanted(item) && CONNECTIONS.test(item.text))
  );
}
