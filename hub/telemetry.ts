import { FrameError } from '../broker/frame-bytes.ts';
import { type Chain, followBatch, type Gap } from '../broker/frame-chain.ts';
import { openBatch } from '../broker/frame-payload.ts';
import { unscale } from '../broker/frames.ts';
import { int, list, pattern, record } from '../broker/shape.ts';
import { type Hub, TIMES } from './hub.ts';
import type { Store } from './store/store.ts';

/** Gaps that are kept for each agent: enough to say what a bad day lost. The oldest go first. */
const GAPS_KEPT = 64;
/** The channel under which the newest frame's number is kept beside those of events and results. */
const CHANNEL = 'm';

const keptGap = record({ boot: pattern(/^[0-9a-f]{16}$/, 'a boot id'), from: int(), to: int(), at: int() });
const keptGaps = list(keptGap, GAPS_KEPT);

/** Samples that an agent took and that never came, with the hub's time at which that was seen. */
export interface KnownGap extends Gap {
  readonly boot: string;
  readonly at: number;
}

export interface Received {
  readonly stored: number;
  /** Why not all was stored: the first reason, for the count of dropped messages. */
  readonly dropped: Error | null;
}

interface Known {
  readonly boot: string;
  readonly chain: Chain;
  /** Under which time the last sample was stored. */
  readonly at: number;
}

/** Turns frames into stored samples. What is missing is recorded as a gap, and never made up. */
export class Telemetry {
  private readonly hub: Hub;
  private readonly known = new Map<string, Known>();

  constructor(hub: Hub) {
    this.hub = hub;
  }

  /**
   * Stores what a payload of telemetry holds; resolves when that is on the disk. Throws a coded error, and stores
   * nothing, for a payload that is not this agent's, not of its present start, or no batch of frames.
   */
  async receive(agent: string, payload: Uint8Array): Promise<Received> {
    const { store, site, now, log } = this.hub;
    const enrolled = site.agents.get(agent);
    if (enrolled === undefined) return { stored: 0, dropped: null };
    const birth = store.births.get(agent);
    if (birth === undefined) throw new FrameError('E_FRAME_SCHEMA', 'a frame without the birth that explains it');
    const { boot, metrics } = birth;
    const batch = openBatch(payload, boot, enrolled.secretHash);
    const before = this.remembered(agent, boot);
    const { chain, frames, gaps, dropped } = followBatch(before.chain, batch, birth);
    const newest = frames.at(-1);
    if (newest === undefined) {
      this.known.set(agent, { ...before, chain });
      return { stored: 0, dropped: dropped[0] ?? null };
    }
    const arrived = now();
    let { at } = before;
    const samples = frames.map((frame) => {
      // The hub's clock says when; the agent's only how long before the batch's newest each sample was taken.
      const age = Math.min(TIMES.samples, Math.max(0, newest.ts - frame.ts));
      at = Math.max(at + 1, arrived - age);
      return { at, sample: Object.fromEntries(unscale(frame, metrics)) };
    });
    const old = [...store.samples.getKeys({ start: [agent, 0], end: [agent, arrived - TIMES.samples], limit: 64 })];
    await store.write(() => {
      for (const key of old) void store.samples.remove(key);
      for (const { at, sample } of samples) void store.samples.put([agent, at], sample);
      void store.handled.put([agent, boot, CHANNEL], chain.last);
      void store.presence.put(agent, { state: 'online', boot, last_seen: arrived });
      if (gaps.length === 0) return;
      const found = gaps.map((gap) => ({ ...gap, boot, at: arrived }));
      void store.meta.put(gapsKey(agent), [...readGaps(store, agent), ...found].slice(-GAPS_KEPT));
    });
    // Only now: what could not be stored will be sent again, and must not look old then.
    this.known.set(agent, { boot, chain, at });
    for (const { from, to } of gaps) log.warn('samples are missing', { agent, from, to });
    return { stored: frames.length, dropped: dropped[0] ?? null };
  }

  /** A hub that was restarted has no frame to build on, but still knows which numbers are old. */
  private remembered(agent: string, boot: string): Known {
    const known = this.known.get(agent);
    if (known?.boot === boot) return known;
    const last = this.hub.store.handled.get([agent, boot, CHANNEL]) ?? 0;
    return { boot, chain: { last, step: null }, at: known?.at ?? 0 };
  }
}

const gapsKey = (agent: string): string => `gaps/${agent}`;

/** The agent's last gaps, oldest first. */
export function readGaps(store: Store, agent: string): readonly KnownGap[] {
  return keptGaps(store.meta.get(gapsKey(agent)) ?? [], 'gaps');
}
