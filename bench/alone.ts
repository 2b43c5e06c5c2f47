import type { Incident } from '../hub/incident.ts';
import { HOSTS, resolveAlone } from '../test/system/alone-faults.ts';
import { type Emit, percentile } from './row.ts';

/** Every fault this often. */
const ROUNDS = 2;
const AIM_MS = 1_000;
/** What a loop of a large model that asks for one command after the other took, by the figures of the first plans. */
const CHAT_LOOP_MS = 28_000;

/**
 * Real faults of eight classes under a real systemd, mended with nobody asked: from the sample that fired to the end of
 * the last command of the plan, and to the verified end. Root and Debian packages are needed, as for `test:system`.
 */
export async function aloneBench(emit: Emit): Promise<boolean> {
  if (process.getuid?.() !== 0) {
    console.error('anomaly_to_executed is measured under a systemd of its own, which only root can boot: not measured');
    return false;
  }
  const ended: Incident[] = [];
  for (let round = 1; round <= ROUNDS; round++) for (const faults of HOSTS) ended.push(...(await resolveAlone(faults)));
  const executed = ended.map(
    ({ event, results }) =>
      Math.max(...results.filter(({ step }) => step?.phase === 'step').map((result) => result.ended)) - event.ts,
  );
  const verified = ended.map(({ event, timeline }) => (timeline.at(-1)?.ts ?? Number.NaN) - event.ts);
  const row = (metric: string, value: number) =>
    emit({ bench: 'pipeline', metric, value, unit: 'ms', baseline: 'chat_loop', ratio: value / CHAT_LOOP_MS });
  const worst = percentile(executed, 0.95);
  row('anomaly_to_executed_p50_ms', percentile(executed, 0.5));
  row('anomaly_to_executed_p95_ms', worst);
  row('anomaly_to_verified_p95_ms', percentile(verified, 0.95));
  return worst <= AIM_MS;
}
