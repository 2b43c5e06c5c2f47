import { type Change, change, type Host, isRecent, LOOK_BACK } from './change.ts';
import { fileChanges } from './files.ts';
import { packageChanges } from './packages.ts';
import { sessionChanges } from './sessions.ts';

/** What a snapshot carries: more than a person reads between an alert and a decision would only hide the telling one. */
const KEPT = 12;

/**
 * What changed on this host lately, newest first: packages, unit files, cron tables, configuration, deployed files,
 * boots and logins. `bootedAt` (milliseconds since the epoch) is what the kernel says; wtmp is not kept everywhere.
 * Reads files only, bounded in bytes and entries; never throws.
 */
export async function recentChanges(host: Host, bootedAt: number | null): Promise<Change[]> {
  const found: Change[] = [];
  const readers: readonly (() => Change[] | Promise<Change[]>)[] = [
    () => packageChanges(host),
    () => sessionChanges(host),
    () => fileChanges(host),
  ];
  for (const read of readers) {
    try {
      found.push(...(await read()));
    } catch {
      // One source that can't be read must not cost the others.
    }
  }
  const isKnown = found.some(
    ({ ts, what }) => what.text === 'the host booted' && Math.abs(ts - (bootedAt ?? 0)) < 300_000,
  );
  if (bootedAt !== null && !isKnown && isRecent(bootedAt, host.now, LOOK_BACK.boots)) {
    found.push(change(bootedAt, 'the host booted', true));
  }
  return found.sort((a, b) => b.ts - a.ts).slice(0, KEPT);
}
