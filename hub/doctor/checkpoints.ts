import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { openFormerCheckpoint } from '../../broker/halts.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { auditHead, readAudit } from '../chain/audit.ts';
import { CHECKPOINT_EVERY_MS, keptCheckpoints } from '../chain/checkpoints.ts';
import { readAuditPlaces } from '../chain/places.ts';
import type { Store } from '../store/store.ts';
import { bad, type Finding, well } from './finding.ts';

/** A hub makes one each minute in which the chain grows; one that is later than this was not made. */
const LATE_MS = 5 * CHECKPOINT_EVERY_MS;

/** Does the newest checkpoint agree with the chain, is it made as the chain grows, and are its places there? */
export function lookAtCheckpoints(
  store: Store,
  state: StateFolder,
  { keys, isUp, now }: { readonly keys: readonly Uint8Array[]; readonly isUp: boolean; readonly now: number },
): readonly Finding[] {
  return [...lookAtNewest(store, keys, isUp, now), ...lookAtPlaces(state)];
}

function lookAtNewest(store: Store, keys: readonly Uint8Array[], isUp: boolean, now: number): readonly Finding[] {
  const head = auditHead(store);
  const newest = keptCheckpoints(store).at(-1);
  if (newest === undefined)
    return [well('audit', 'no checkpoint yet: a running hub makes one each minute, and one when it ends')];
  const said = openFormerCheckpoint(newest.message, keys);
  const { count, hash } = said.audit_head;
  const of = new Date(said.now).toISOString();
  const record = count === 0 ? undefined : store.audit.get(count);
  if (count > 0 && record?.hash !== hash) {
    const what = `the checkpoint of ${of} is of ${count} records, and the chain has others or fewer`;
    return [bad('audit', what, 'sentinel audit verify; keep the store as it is: records were cut off or exchanged')];
  }
  const next = store.audit.get(count + 1);
  const uncovered = next === undefined ? 0 : now - readAudit(next).ts;
  if (isUp && uncovered > LATE_MS) {
    const what = `the newest checkpoint is of ${of}, and ${head.count - count} records came after it`;
    return [bad('audit', what, 'look for "checkpoint" in the hub’s log: it makes one each minute')];
  }
  return [well('audit', `the checkpoint of ${of} covers ${count} records`)];
}

/** The places of `audit.yaml`: where they are gone, who changes the store changes the only copy. */
function lookAtPlaces(state: StateFolder): readonly Finding[] {
  const { file, syslog } = readAuditPlaces(state.audit).checkpoints;
  const isThere = (path: string) => statSync(path, { throwIfNoEntry: false }) !== undefined;
  const missing = [
    ...(file === undefined || isThere(dirname(file)) ? [] : [file]),
    ...(syslog === undefined || isThere(syslog) ? [] : [syslog]),
  ];
  return missing.map((path) =>
    bad('audit', `checkpoints can’t be written to ${path}`, 'mount it, or start the daemon that listens there'),
  );
}
