import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { newKeyPair } from '../../broker/keys.ts';
import type { Incident } from '../../hub/incident.ts';
import { commitIncident, getIncident } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import type { DeskState, HostPulse } from '../../tui/desk.ts';
import { FleetIndex } from '../../tui/fleet-index.ts';
import { HostPulses } from '../../tui/host-pulses.ts';
import { IncidentIndex } from '../../tui/incident-index.ts';
import { birth } from '../broker/samples.ts';
import { MemoryDesk } from '../tui/memory-desk.ts';
import { INCIDENT, NOW, STATE } from '../tui/recorded.ts';
import { renderAt } from '../tui/render-at.ts';

const MIB = 2 ** 20;
/** Two refreshes a second, as the screen has them. */
const REFRESH_MS = 500;
const HOSTS = 4;
/** A host says a sample every two seconds; an incident comes every ten minutes and closes five minutes later. */
const SAMPLE_EVERY = 4;
const INCIDENT_EVERY = 1_200;
const CLOSES_AFTER = 600;
/** Keys of an operator who looks at everything, one every five seconds. */
const KEYS = [
  'j',
  '2',
  'j',
  'enter',
  'escape',
  '5',
  'j',
  '3',
  '6',
  '7',
  '?',
  'escape',
  ':',
  'escape',
  '1',
  'enter',
  'e',
  'escape',
];
const KEY_EVERY = 10;

/** What a day of the screen left behind. */
export interface ScreenDay {
  readonly refreshes: number;
  readonly frames: number;
  /** MiB after a collection, at each of the readings: the first after the warm-up. */
  readonly heap: readonly number[];
  readonly rss: readonly number[];
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A desk over a real store whose clock is simulated. */
class SimulatedDesk extends MemoryDesk {
  now = NOW;
  readonly #screen: Store;
  readonly #fleet: FleetIndex;
  readonly #pulses: HostPulses;
  readonly #index: IncidentIndex;

  constructor(screen: Store) {
    super(STATE, [INCIDENT]);
    this.#screen = screen;
    this.#fleet = new FleetIndex(screen, this.now);
    this.#pulses = new HostPulses(screen, this.#fleet);
    this.#index = new IncidentIndex(screen);
  }

  override incident(id: string): Incident | undefined {
    return getIncident(this.#screen, id);
  }

  override pulse(agent: string): HostPulse | undefined {
    return this.#pulses.of(agent, this.now);
  }

  refresh(): void {
    this.#screen.refresh();
    this.#fleet.refresh(this.now);
    this.#pulses.refresh();
    this.#index.refresh();
    const incidents: DeskState['incidents'] = this.#index.rows;
    this.set({ hosts: this.#fleet.rows, incidents });
  }
}

/**
 * Runs so many refreshes of the real shell, views and painter over a real store in which telemetry and incidents come, on
 * a clock that runs as fast as it can, and reads the memory after a collection `readings` times.
 */
export async function screenDay(refreshes: number, readings: number): Promise<ScreenDay> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-screen-day-'));
  const hub = new Store(folder, 'write');
  const screen = new Store(folder, 'read');
  const key = newKeyPair();
  const put = (one: Incident) =>
    commitIncident(hub, key, one, { kind: 'soak', incident: one.id, actor: 'hub', data: {} });
  const agents = Array.from({ length: HOSTS }, (_, n) => `host-${n}`);
  await hub.write(() => {
    for (const agent of agents) {
      void hub.births.put(agent, { ...birth, agent });
      void hub.columns.put([agent, 1], { boot: birth.boot, schema: birth.schema, metrics: birth.metrics });
    }
  });
  const desk = new SimulatedDesk(screen);
  const seen = renderAt(120, 40, desk);
  const heap: number[] = [];
  const rss: number[] = [];
  let frames = 0;
  const stop = seen.shell.subscribe(() => frames++);
  try {
    for (let turn = 0; turn < refreshes; turn++) {
      desk.now = NOW + turn * REFRESH_MS;
      if (turn % SAMPLE_EVERY === 0) await hub.write(() => sample(hub, agents, desk.now, turn));
      const number = Math.floor(turn / INCIDENT_EVERY);
      const one = incidentOf(number, NOW + number * INCIDENT_EVERY * REFRESH_MS);
      if (turn % INCIDENT_EVERY === 0) await put(one);
      if (turn % INCIDENT_EVERY === CLOSES_AFTER) await put({ ...one, state: 'resolved', updated: desk.now });
      desk.refresh();
      if (turn % KEY_EVERY === 0) seen.press(KEYS[(turn / KEY_EVERY) % KEYS.length] ?? 'j');
      // Pictures are drawn between turns, as they are between refreshes.
      await new Promise((resolve) => setImmediate(resolve));
      seen.forget();
      if ((turn + 1) % Math.floor(refreshes / readings) === 0) {
        collect();
        const { heapUsed, rss: all } = process.memoryUsage();
        heap.push(Math.round((heapUsed / MIB) * 100) / 100);
        rss.push(Math.round(all / MIB));
      }
    }
    return { refreshes, frames, heap, rss };
  } finally {
    stop();
    seen.close();
    await screen.close();
    await hub.close();
    rmSync(folder, { recursive: true });
  }
}

function sample(store: Store, agents: readonly string[], at: number, turn: number): void {
  for (const agent of agents) {
    const values = birth.metrics.map((_, i) => 300 + ((turn * (i + 3)) % 400));
    void store.samples.put([agent, at], [1, turn + 1, at, 0, ...values]);
    void store.presence.put(agent, { state: 'online', boot: birth.boot, last_seen: at });
    // As the hub does: what is older than two hours goes.
    const old = [...store.samples.getKeys({ start: [agent, 0], end: [agent, at - 7_200_000], limit: 64 })];
    for (const one of old) void store.samples.remove(one);
  }
}

const incidentOf = (n: number, opened: number): Incident => ({
  ...INCIDENT,
  id: `01JE00000000000000${String(n).padStart(8, '0')}`,
  fingerprint: `soak-${n}`,
  host: `host-${n % HOSTS}`,
  opened,
  updated: opened,
});
