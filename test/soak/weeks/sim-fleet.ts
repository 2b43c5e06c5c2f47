import type { Inbound } from '../../../broker/mesh.ts';
import { parseAnyAgentTopic } from '../../../broker/topics.ts';
import { readGaps } from '../../../hub/mesh/gaps.ts';
import type { Store } from '../../../hub/store/store.ts';
import type { Fault } from './agent-load.ts';
import { BATCH, type SimAgent } from './sim-agent.ts';
import { DAY, HOUR, MINUTE } from './sim-clock.ts';
import type { SimHub } from './sim-hub.ts';

/** An agent's own interval. */
const SAMPLE_MS = 30_000;
/** From one look at the fleet to the next. */
export const TICK_MS = BATCH * SAMPLE_MS;

/** What happens to an agent a day, on average. */
const PER_DAY = { faults: 1.5, restarts: 0.6, cuts: 0.6, losses: 1 } as const;
/** Of a hundred payloads so many come twice, since the broker's word for the first was lost. */
const REPEATED = 0.05;
/** A fault goes on for so long, at least and at most; a host is off, or its link cut, for so long at most. */
const FAULT_MS = [40 * MINUTE, 2 * HOUR] as const;
const OFF_MS = 30 * MINUTE;
const CUT_MS = 90 * MINUTE;
/** Samples of a tick that no disk takes, where that happens: not its last, so that the hub sees what is missing. */
const LOST_FROM = 3;
const LOST_TO = 5;

interface Fate {
  faultUntil: number;
  offUntil: number;
  cutUntil: number;
  /** What was said while the link was cut. */
  waits: Inbound[];
  /** Frames that were said and not yet held against the store. */
  owed: number;
}

/** All agents, what befalls them, and how what they say comes to the hub. */
export class SimFleet {
  readonly #agents: readonly SimAgent[];
  readonly #draw: () => number;
  readonly #wrong: string[];
  readonly #fates = new Map<SimAgent, Fate>();
  #lost = 0;
  #gaps = 0;

  constructor(agents: readonly SimAgent[], draw: () => number, wrong: string[]) {
    this.#agents = agents;
    this.#draw = draw;
    this.#wrong = wrong;
    for (const agent of agents) this.#fates.set(agent, { faultUntil: 0, offUntil: 0, cutUntil: 0, waits: [], owed: 0 });
  }

  counts() {
    return {
      samples: this.#agents.flatMap(({ starts }) => starts).reduce((sum, { frames }) => sum + frames, 0),
      lost: this.#lost,
      gaps: this.#gaps,
    };
  }

  /** What the hub publishes, to who is there to hear it. */
  deliver(topic: string, payload: Uint8Array): void {
    const to = parseAnyAgentTopic(topic)?.agent;
    for (const agent of this.#agents)
      if ((to === undefined || to === agent.name) && this.#isHere(agent)) agent.hear(topic, payload);
  }

  /** The hub has come: everybody who is there says who they are. */
  async greet(hub: SimHub, now: number): Promise<void> {
    hub.tellRoster();
    await Promise.all(this.#agents.filter((agent) => this.#isHere(agent)).map((one) => send(hub, one.greet(now))));
  }

  /** The time from `before` to a tick later passes for all of them; what the hub has of it is held against what was said. */
  async tick(hub: SimHub, before: number): Promise<void> {
    await Promise.all(this.#agents.map((agent) => this.#pass(hub, agent, before)));
    this.#wrong.push(...this.#agents.flatMap(({ wrong }) => wrong.splice(0)));
  }

  /** What agents answer to orders. */
  async answer(hub: SimHub): Promise<void> {
    for (const agent of this.#agents) if (this.#isHere(agent)) await send(hub, agent.messages());
  }

  #fate(agent: SimAgent): Fate {
    const fate = this.#fates.get(agent);
    if (fate === undefined) throw new Error(`${agent.name} has no fate`);
    return fate;
  }

  #isHere(agent: SimAgent): boolean {
    return agent.isUp && this.#fate(agent).cutUntil === 0;
  }

  /** Whether what happens so often a day happens in this tick. */
  #happens(perDay: number): boolean {
    return this.#draw() < (perDay * TICK_MS) / DAY;
  }

  async #pass(hub: SimHub, agent: SimAgent, before: number): Promise<void> {
    const fate = this.#fate(agent);
    const now = before + TICK_MS;
    if (!agent.isUp) {
      if (now < fate.offUntil) return;
      agent.boot();
      hub.tellRoster();
      await send(hub, agent.greet(now));
      return;
    }
    this.#befall(agent, fate, now);
    const said: Inbound[] = [];
    const isLost = this.#happens(PER_DAY.losses);
    for (let k = 1; k <= BATCH; k++) {
      const isThisLost = isLost && k >= LOST_FROM && k <= LOST_TO;
      said.push(...agent.sample(before + k * SAMPLE_MS, isThisLost));
      if (isThisLost) this.#lost++;
      else fate.owed++;
    }
    said.push(...agent.rest());
    fate.waits.push(...said);
    if (fate.cutUntil > now) return;
    const newest = newestOf(hub.hub.store, agent.name);
    if (fate.cutUntil > 0) {
      fate.cutUntil = 0;
      hub.tellRoster();
      fate.waits.unshift(...agent.greet(now));
    } else if (this.#draw() < REPEATED) fate.waits.push(...fate.waits.slice(-1));
    const sent = fate.waits;
    fate.waits = [];
    await send(hub, sent);
    this.#check(hub.hub.store, agent, newest, fate);
    if (this.#happens(PER_DAY.restarts)) {
      await send(hub, [agent.state('dead', now)]);
      agent.isUp = false;
      fate.offUntil = now + this.#draw() * OFF_MS;
    } else if (this.#happens(PER_DAY.cuts)) {
      await send(hub, [agent.state('dead', now)]);
      fate.cutUntil = now + this.#draw() * CUT_MS;
    }
  }

  #befall(agent: SimAgent, fate: Fate, now: number): void {
    if (agent.faults.size > 0) {
      if (now >= fate.faultUntil) agent.faults.clear();
      return;
    }
    if (!this.#happens(PER_DAY.faults)) return;
    const kinds: readonly Fault[] = ['folder', 'folder', 'disk', 'memory'];
    agent.faults.add(kinds[Math.floor(this.#draw() * kinds.length)] ?? 'folder');
    const [least, most] = FAULT_MS;
    fate.faultUntil = now + least + this.#draw() * (most - least);
  }

  /** Everything that was sent is stored, once; what was lost is named. */
  #check(store: Store, agent: SimAgent, newest: number, fate: Fate): void {
    const range = { start: [agent.name, newest + 1], end: [agent.name, Number.MAX_SAFE_INTEGER] } as {
      start: [string, number];
      end: [string, number];
    };
    const stored = store.samples.getKeysCount(range);
    if (stored !== fate.owed) this.#wrong.push(`${agent.name}: ${stored} of ${fate.owed} samples are stored`);
    fate.owed = 0;
    const { boot, lost } = agent.start;
    const named = readGaps(store, agent.name);
    for (const [from, to] of lost.splice(0)) {
      if (named.some((gap) => gap.boot === boot && gap.from === from && gap.to === to)) this.#gaps++;
      else this.#wrong.push(`${agent.name}: nothing names the gap from ${from} to ${to} of ${boot}`);
    }
  }
}

/** In the order in which they were said; resolves when each is on the disk. */
const send = async (hub: SimHub, all: readonly Inbound[]): Promise<void> => {
  await Promise.all(all.map((message) => hub.receive(message)));
};

function newestOf(store: Store, agent: string): number {
  const range = { start: [agent, Number.MAX_SAFE_INTEGER] as [string, number], end: [agent, 0] as [string, number] };
  for (const [, at] of store.samples.getKeys({ ...range, reverse: true, limit: 1 })) return at;
  return 0;
}
