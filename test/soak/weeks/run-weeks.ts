import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSite } from '../../../broker/enroll.ts';
import type { Log } from '../../../broker/log.ts';
import type { Retention } from '../../../hub/store/retention.ts';
import { tidyOnce } from '../../../hub/tidying.ts';
import { drawn } from '../../system/drawn.ts';
import { grown, MemoryFloors, type MemoryFound } from './memory.ts';
import { operate } from './operators.ts';
import { SimAgent } from './sim-agent.ts';
import { DAY, HOUR, SimClock, SUMMER_ENDS } from './sim-clock.ts';
import { SimFleet, TICK_MS } from './sim-fleet.ts';
import { SimHub, simSite } from './sim-hub.ts';
import { faultsAtEnd } from './weeks-check.ts';

/** Certificates are renewed after sixty of their ninety days: they were issued so long before that this falls into the run. */
const RENEWED_AFTER = 60 * DAY;
const MIB = 2 ** 20;
/** Hubs that are started again, a day. */
const HUBS_PER_DAY = 0.5;
/** A tick waits so long, and looks so often, for the pipeline to have thought. */
const THINKS_MS = 2_000;
const LOOK_MS = 5;

/**
 * What the hub of the run is told to keep: a week of closed incidents, some hundreds of them, in so many bytes. The audit
 * chain stays whole, so it alone grows.
 */
export const KEPT: Retention = { age: 7 * DAY, most: 400, bytes: 64 * MIB };

export interface WeeksOptions {
  readonly days: number;
  readonly agents: number;
  readonly seed: number;
  readonly progress: (line: string) => void;
}

/** What the weeks have shown; `wrong` is what must be empty. */
export interface WeeksFound extends MemoryFound {
  readonly days: number;
  readonly agents: number;
  /** Frames that the agents took, those that no disk took, and the gaps by which the hub names them. */
  readonly samples: number;
  readonly lost: number;
  readonly gaps: number;
  /** Events and results. */
  readonly messages: number;
  readonly incidents: number;
  readonly pruned: number;
  readonly approved: number;
  readonly hub_starts: number;
  readonly agent_starts: number;
  readonly renewals: number;
  readonly rotations: number;
  /** What the agents' detectors said, and of that while nothing was wrong with the host. */
  readonly anomalies: number;
  readonly unfounded: number;
  readonly audit_records: number;
  /** MiB that the store holds at the end of each quarter, and its file at the end. */
  readonly used: readonly number[];
  readonly file: number;
  readonly wrong: readonly string[];
}

/** A site of so many agents for so many days, on a clock that goes as fast as the hub can follow. */
export async function runWeeks(options: WeeksOptions): Promise<WeeksFound> {
  // Every message is flushed to the disk: in memory that costs nothing.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sentinel-weeks-'));
  try {
    return await new Weeks(options, folder).run();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class Weeks {
  readonly #options: WeeksOptions;
  readonly #folder: string;
  readonly #begins: number;
  readonly #ends: number;
  readonly #clock: SimClock;
  readonly #draw: () => number;
  readonly #wrong: string[] = [];
  readonly #memory = new MemoryFloors();
  readonly #used: number[] = [];
  #approved = 0;
  #rotations = 0;
  #hubs = 0;

  constructor(options: WeeksOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    // Summer time ends in the middle of it.
    this.#begins = Math.floor((SUMMER_ENDS - (options.days * DAY) / 2) / DAY) * DAY;
    this.#ends = this.#begins + options.days * DAY;
    this.#clock = new SimClock(this.#begins - RENEWED_AFTER);
    this.#draw = drawn(options.seed);
  }

  async run(): Promise<WeeksFound> {
    const { days, progress } = this.#options;
    const state = await simSite(join(this.#folder, 'hub'), this.#clock.true);
    const agents = this.#agents(readSite(state).root);
    const fleet = new SimFleet(agents, this.#draw, this.#wrong);
    const open = async () => {
      this.#hubs++;
      return SimHub.open(state, this.#clock, (topic, payload) => fleet.deliver(topic, payload), this.#log());
    };
    let hub = await open();
    for (const [i, agent] of agents.entries()) {
      // One after the other comes to its last third.
      this.#clock.true = this.#begins - RENEWED_AFTER + ((i + 0.5) / agents.length) * days * DAY;
      await agent.membership.join(hub.enrollment);
    }
    this.#clock.true = Math.max(this.#begins, this.#clock.true);
    for (const agent of agents) agent.boot();
    hub.tellRoster();
    await fleet.greet(hub, this.#clock.true);
    while (this.#clock.true < this.#ends) {
      const before = this.#clock.true;
      this.#clock.true += TICK_MS;
      this.#setClocks(agents);
      if (this.#draw() < (HUBS_PER_DAY * TICK_MS) / DAY) {
        await hub.close();
        hub = await open();
        await fleet.greet(hub, this.#clock.true);
      }
      await this.#rotate(hub, before);
      await fleet.tick(hub, before);
      await hub.silent.look();
      await this.#quiet(hub);
      this.#approved += await operate(hub, state, this.#draw);
      await this.#quiet(hub);
      await fleet.answer(hub);
      await hub.checkpoints.make();
      await this.#hourly(hub, agents, before);
      if (await this.#memory.look((this.#clock.true - this.#begins) / (this.#ends - this.#begins))) {
        this.#used.push(Math.round((hub.hub.store.usedBytes() / MIB) * 10) / 10);
        progress(`${this.#used.length}/4: ${JSON.stringify({ ...this.#memory.found(), used: this.#used })}`);
      }
    }
    const found = await faultsAtEnd({ hub, state, agents, ends: this.#ends, trust: this.#folderOf(agents[0]) });
    const memory = this.#memory.found();
    const { wrong, ...counts } = found;
    return {
      days,
      agents: agents.length,
      ...counts,
      ...fleet.counts(),
      approved: this.#approved,
      hub_starts: this.#hubs,
      rotations: this.#rotations,
      ...memory,
      used: this.#used,
      file: Math.round(statSync(join(state.store, 'data.mdb')).size / MIB),
      wrong: [...this.#wrong, ...wrong, ...grown(memory)],
    };
  }

  #agents(root: Uint8Array): readonly SimAgent[] {
    return Array.from({ length: this.#options.agents }, (_, i) => {
      const name = `line-${i}`;
      const folder = join(this.#folder, name);
      mkdirSync(folder);
      const noise = drawn(this.#options.seed + 1 + i);
      // Of about the shape of a bell: three of them, less their mean.
      const bell = () => noise() + noise() + noise() - 1.5;
      return new SimAgent(name, {
        folder,
        root,
        noise: bell,
        steady: this.#clock.steady,
        wall: () => this.#clock.true,
      });
    });
  }

  #folderOf(agent: SimAgent | undefined): string {
    return join(this.#folder, agent?.name ?? '', 'trust.json');
  }

  /** The hub's clock is an hour ahead for a while, and half an hour behind; so is one agent's. */
  #setClocks(agents: readonly SimAgent[]): void {
    const part = (this.#clock.true - this.#begins) / (this.#ends - this.#begins);
    this.#clock.hubAhead = part >= 0.25 && part < 0.3 ? HOUR : part >= 0.6 && part < 0.65 ? -HOUR / 2 : 0;
    const [first] = agents;
    if (first !== undefined) first.ahead = part >= 0.4 && part < 0.5 ? -HOUR : 0;
  }

  /** A third and two thirds of the way. */
  async #rotate(hub: SimHub, before: number): Promise<void> {
    const length = this.#ends - this.#begins;
    const due = [1 / 3, 2 / 3].map((part) => this.#begins + part * length);
    if (!due.some((at) => before < at && at <= this.#clock.true)) return;
    await hub.rotateKey();
    this.#rotations++;
  }

  async #hourly({ hub, enrollment }: SimHub, agents: readonly SimAgent[], before: number): Promise<void> {
    if (Math.floor(before / HOUR) === Math.floor(this.#clock.true / HOUR)) return;
    for (const agent of agents) if (agent.isUp) await agent.membership.renew(enrollment, this.#clock.true);
    await tidyOnce(hub, KEPT);
    const used = hub.store.usedBytes();
    if (used > KEPT.bytes) this.#wrong.push(`the store holds ${used} bytes of ${KEPT.bytes}`);
  }

  /** What waits for a later time is looked at, and what is thought about has its answer. */
  async #quiet({ hub, driver }: SimHub): Promise<void> {
    driver.resume();
    for (let waited = 0; waited < THINKS_MS; waited += LOOK_MS) {
      await sleep(LOOK_MS);
      const states = [...hub.store.active.getRange({})].map(({ value }) => hub.store.incidents.get(value)?.state);
      if (!states.some((state) => state === 'open' || state === 'diagnosing' || state === 'approved')) return;
    }
  }

  /** Errors of the hub are findings: nothing of this run is beyond it. */
  #log(): Log {
    const told = (level: string) => (what: string, fields?: object) => {
      if (this.#wrong.length < 100) this.#wrong.push(`the hub's ${level}: ${what} ${JSON.stringify(fields ?? {})}`);
    };
    return { info: () => {}, warn: told('warning'), error: told('error') };
  }
}
