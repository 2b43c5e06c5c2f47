import type { Gap } from '../../broker/frame-chain.ts';
import { int, list, pattern, record } from '../../broker/shape.ts';
import type { Store } from '../store/store.ts';

/** Gaps that are kept for each agent: enough to say what a bad day lost. The oldest go first. */
const GAPS_KEPT = 64;

const keptGap = record({ boot: pattern(/^[0-9a-f]{16}$/, 'a boot id'), from: int(), to: int(), at: int() });
const keptGaps = list(keptGap, GAPS_KEPT);

/** Samples that an agent took and that never came, with the hub's time at which that was seen. */
export interface KnownGap extends Gap {
  readonly boot: string;
  readonly at: number;
}

const gapsKey = (agent: string): string => `gaps/${agent}`;

/** The agent's last gaps, oldest first. */
export function readGaps(store: Store, agent: string): readonly KnownGap[] {
  return keptGaps(store.meta.get(gapsKey(agent)) ?? [], 'gaps');
}

/** Inside a transaction: these are missing too. */
export function putGaps(store: Store, agent: string, found: readonly KnownGap[]): void {
  if (found.length === 0) return;
  void store.meta.put(gapsKey(agent), [...readGaps(store, agent), ...found].slice(-GAPS_KEPT));
}
