import { existsSync } from 'node:fs';
import { Background } from '../background.ts';
import { labelled, type Reading, type Sense } from '../sense.ts';
import { labelOf, TroubleCounts } from '../trouble-counts.ts';
import { type Container, listContainers, restartsOf } from './api.ts';
import { NAME, SOCKETS } from './names.ts';

const EVERY_MS = 60_000;
const DEADLINE_MS = 20_000;
/** Containers whose restarts are looked up in one look; with more, each has its turn. */
const INSPECTED = 32;
const RESTART_MS = 600_000;
/** Samples at zero before the metric of a container that is well again goes. */
const SAMPLES_AT_ZERO = 6;

interface Look {
  readonly containers: readonly Container[];
  /** By id. */
  readonly restarts: ReadonlyMap<string, number>;
}

/** The containers of a docker or a podman, where there is one whose socket we may read; silent elsewhere. */
export class ContainersSense implements Sense {
  readonly name = 'containers';
  readonly #sockets: readonly string[];
  readonly #look: Background<Look>;
  readonly #restarts = new TroubleCounts('container.restarts', RESTART_MS);
  /** How often each was restarted when last looked at, by id. */
  #counts: ReadonlyMap<string, number> | null = null;
  readonly #unhealthy = new Map<string, number>();
  #last: Look | null = null;
  #names = '';
  /** Grows whenever the containers' names change: the inventory is then another. */
  changes = 0;
  #turn = 0;
  /** When a socket is looked for again, where none was. */
  #searchAt = Number.NEGATIVE_INFINITY;

  /** `sockets` are where one may be; the first that is there is asked. */
  constructor(sockets: readonly string[] = SOCKETS) {
    this.#sockets = sockets;
    this.#look = new Background({ everyMs: EVERY_MS, deadlineMs: DEADLINE_MS, look: (signal) => this.#ask(signal) });
  }

  /** Names of the containers that exist: what an operand may name. */
  names(): readonly string[] {
    return (this.#last?.containers ?? []).map(({ name }) => name).filter((name) => NAME.test(name));
  }

  sample(now: number): Reading[] {
    if (now < this.#searchAt) return [];
    if (!this.#sockets.some((socket) => existsSync(socket))) {
      this.#last = null;
      this.#searchAt = now + EVERY_MS;
      return [];
    }
    const look = this.#look.value(now);
    // Closed to us, or no docker: as good as none, and said as a fault of this sense.
    if (look === null && this.#look.error !== null) throw this.#look.error;
    if (look !== null && look !== this.#last) this.#hear(look, now);
    const count = (state: string): number | null =>
      look === null ? null : look.containers.filter((one) => one.state === state).length;
    return [
      { name: 'container.running', unit: '', scale: 1, value: count('running') },
      { name: 'container.restarting', unit: '', scale: 1, value: count('restarting'), learn: false },
      ...this.#restarts.readings(now),
      ...this.#health(look),
    ];
  }

  close(): void {
    this.#look.stop();
  }

  async #ask(signal: AbortSignal): Promise<Look> {
    const socket = this.#sockets.find((path) => existsSync(path)) ?? '';
    const containers = await listContainers(socket, signal);
    const candidates = containers.filter(({ state }) => state === 'running' || state === 'restarting');
    const restarts = new Map(this.#last?.restarts);
    for (const id of restarts.keys()) if (!containers.some((one) => one.id === id)) restarts.delete(id);
    for (let i = 0; i < Math.min(INSPECTED, candidates.length); i++) {
      const one = candidates[this.#turn++ % candidates.length];
      if (one !== undefined) restarts.set(one.id, await restartsOf(socket, one.id, signal));
    }
    return { containers, restarts };
  }

  /** What was restarted between the two looks; before the first nothing is known to have happened. */
  #hear(look: Look, now: number): void {
    const before = this.#counts;
    for (const { id, name } of look.containers) {
      const count = look.restarts.get(id);
      const known = before?.get(id);
      if (count === undefined || known === undefined) continue;
      for (let more = Math.min(100, count - known); more > 0; more--) this.#restarts.add(labelOf(name), now);
    }
    this.#counts = look.restarts;
    this.#last = look;
    const names = look.containers.map(({ name }) => name).join('\n');
    if (names !== this.#names) this.changes++;
    this.#names = names;
  }

  /** A metric for each unhealthy container, only while there is trouble and a little longer. */
  #health(look: Look | null): Reading[] {
    const now = new Set(look?.containers.filter(({ unhealthy }) => unhealthy).map(({ name }) => labelOf(name)));
    for (const label of now) this.#unhealthy.set(label, 0);
    const readings: Reading[] = [];
    for (const [label, zeros] of this.#unhealthy) {
      const value = look === null ? null : now.has(label) ? 1 : 0;
      if (value === 0 && zeros >= SAMPLES_AT_ZERO) {
        this.#unhealthy.delete(label);
        continue;
      }
      if (value === 0) this.#unhealthy.set(label, zeros + 1);
      readings.push({ name: labelled('container.unhealthy', label), unit: '', scale: 1, value, learn: false });
    }
    return readings;
  }
}
