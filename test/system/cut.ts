import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ring } from '../../agent/ring/ring.ts';
import { FrameCoder } from '../../broker/frame-coder.ts';
import { encodeFrame } from '../../broker/frame-payload.ts';
import type { Metric } from '../../broker/messages.ts';
import { prepareFolder } from '../../broker/state-folder.ts';
import { readGaps } from '../../hub/mesh/gaps.ts';
import { newestSample } from '../../hub/store/samples.ts';
import { Store } from '../../hub/store/store.ts';
import { FRONT_DOOR, Site } from '../e2e/site.ts';
import { LossyNamespace, ThinProxy } from './thin-link.ts';

const BOOT = 'c'.repeat(16);
const EVERY_MS = 30_000;
/** A link that loses and delays so much may need several tries to stand, each half a minute, while other tests run. */
const PATIENCE_MS = 360_000;
/** As many as a plain host has. */
const METRICS: readonly Metric[] = [...Array(46).keys()].map((i) => ({ name: `was.n${i}`, unit: '', scale: 1 }));

export interface CutFound {
  /** Seconds from the alert in the agent's log to its incident at the hub, each with the backlog under way. */
  readonly alerts: readonly number[];
  /** Seconds until all that was kept was stored. */
  readonly converged: number;
  readonly frames: number;
  readonly missing: number;
  readonly up: number;
  readonly down: number;
}

/**
 * An agent behind a thin link comes back from a cut of so many samples, 30 s apart: they wait in its ring, and alerts are
 * raised while they are brought.
 */
export async function comeBack(samples: number, alerts: number, say: (line: string) => void): Promise<CutFound> {
  const site = new Site();
  const space = new LossyNamespace();
  let proxy: ThinProxy | null = null;
  try {
    prepareFolder(site.state);
    const ring = new Ring(join(site.state.agent, 'telemetry.ring'));
    const coder = new FrameCoder();
    const now = Date.now();
    for (let i = 0; i < samples; i++) {
      if (ring.prepare({ boot: BOOT, schema: 1, metrics: METRICS })) coder.restart();
      // A third of the values changes from one sample to the next.
      const values = METRICS.map((_, n) => (n % 3 === 0 ? 1_000 + ((i * 7 + n * 13) % 50) : n));
      const frame = coder.next({ schema: 1, ts: now - (samples - i) * EVERY_MS, values }, METRICS);
      ring.add(coder.seq, encodeFrame(frame));
    }
    ring.close();
    await site.startHub();
    proxy = new ThinProxy(Number(new URL(site.broker).port));
    await proxy.listen(space.address);
    site.agentDoor = FRONT_DOOR;
    const started = Date.now();
    await site.startAgentBy(
      space.inside([process.execPath]),
      '--broker',
      `mqtt://${space.address}:${proxy.port}`,
      '--interval',
      '2',
    );
    const took: number[] = [];
    for (let i = 0; i < alerts; i++) {
      const before = site.log.split('anomaly:').length;
      const known = site.incidents().length + site.incidents().reduce((sum, { repeats }) => sum + repeats, 0);
      site.fill();
      await site.until(() => site.log.split('anomaly:').length > before, 'the alert at the agent');
      const raised = Date.now();
      await site.until(
        () => site.incidents().length + site.incidents().reduce((sum, { repeats }) => sum + repeats, 0) > known,
        'the alert at the hub',
        PATIENCE_MS,
      );
      took.push((Date.now() - raised) / 1_000);
      say(`alert ${i + 1}: ${took.at(-1)} s`);
      site.empty();
      await site.until(() => site.log.split('recovery:').length > i + 1, 'the end of it at the agent');
    }
    const store = new Store(site.state.store, 'read');
    // Not by counting: a hub keeps samples for two hours, and those of a day go as they come.
    const stored = (): number => {
      store.refresh();
      const newest = newestSample(store, site.agent);
      const through = store.handled.get([site.agent, BOOT, 'm']) ?? 0;
      const last = newest?.columns.boot === BOOT ? Math.max(through, newest.sample[1] ?? 0) : through;
      const lost = readGaps(store, site.agent).filter(({ boot }) => boot === BOOT);
      return lost.reduce((left, { from, to }) => left - (to - from + 1), last);
    };
    let last = 0;
    // As long as it goes on, it is waited for.
    for (let still = 0; still < 30 && last < samples; still++) {
      await sleep(2_000);
      const n = stored();
      if (n > last) still = 0;
      last = n;
      say(`${n} of ${samples} samples, ${proxy.up} bytes up`);
    }
    await store.close();
    if (last < samples) say(site.log);
    const converged = (Date.now() - started) / 1_000;
    return { alerts: took, converged, frames: last, missing: samples - last, up: proxy.up, down: proxy.down };
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
      message: `${error}\n${site.log}`,
    });
  } finally {
    await site.close();
    proxy?.close();
    space.close();
  }
}
