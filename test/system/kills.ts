import { setTimeout as sleep } from 'node:timers/promises';
import { readRoster, readSite } from '../../broker/enroll.ts';
import type { Incident } from '../../hub/incident.ts';
import { readGaps } from '../../hub/mesh/gaps.ts';
import { heardOf } from '../../hub/mesh/heard.ts';
import { Store } from '../../hub/store/store.ts';
import { kill } from '../e2e/site.ts';
import { type DebianBroker, startMosquitto } from './brokers.ts';
import { drawn } from './drawn.ts';
import { KillLoad } from './kill-load.ts';
import { OutsideSite } from './outside-site.ts';
import { Told } from './told.ts';

/** A round begins when an order is under way, or after this. */
const UNDER_WAY_MS = 10_000;
/** Between two kills, and between two starts, at most. */
const APART_MS = 1_500;

/** What the rounds have shown. */
export interface KillsFound {
  readonly rounds: number;
  readonly kills: number;
  readonly starts: number;
  readonly messages: number;
  readonly acknowledged: number;
  readonly frames: number;
  readonly gaps: number;
  readonly effects: number;
  /** Rounds in which a step had an effect. */
  readonly rounds_with_effect: number;
  readonly faults: readonly string[];
}

/**
 * Kills hub, agent and mosquitto with -9 in an order drawn from the seed, under load, and starts them in another; after the
 * last round it waits until all is quiet, and holds what each has on its disk against what the hub's signature covered.
 */
export async function kills(options: {
  readonly rounds: number;
  readonly seed: number;
  readonly progress: (round: number, told: string) => void;
}): Promise<KillsFound> {
  const outside = new OutsideSite();
  const load = new KillLoad(outside, options.rounds, drawn(options.seed + 1));
  const rules = await outside.rules();
  // Beside what hub and agent may: nobody but this test hears everything.
  const login = { user: 'listener', password: 'hears-all' };
  const all = `${rules}\nuser ${login.user}\ntopic read #\n`;
  const broker = await outside.start((folder, logins) => startMosquitto(folder, [...logins, login], all));
  const { state } = outside.site;
  const hubKey = () => readRoster(state, readSite(state)).roster.hub_key;
  const told = new Told({ url: outside.url, login, hubKey });
  const draw = drawn(options.seed);
  try {
    load.start();
    let withEffect = 0;
    for (let round = 1; round <= options.rounds; round++) {
      const before = load.effects();
      options.progress(round, await killAll(outside, load, broker, draw));
      if (load.effects() > before) withEffect++;
    }
    // Without one nothing would be said of effects.
    await outside.site.until(() => load.effects() > 0, 'a step that has an effect');
    await load.stop();
    const found = await settle(outside, load, told);
    return { ...found, rounds: options.rounds, kills: 3 * options.rounds, rounds_with_effect: withEffect };
  } finally {
    await load.stop();
    await told.close();
    await outside.close();
  }
}

/** One round; answers in which order it went. */
async function killAll(
  outside: OutsideSite,
  load: KillLoad,
  broker: DebianBroker,
  draw: () => number,
): Promise<string> {
  const { site } = outside;
  const parts = {
    hub: { kill: async () => site.hub && kill(site.hub, 'SIGKILL'), start: () => site.startHub(...outside.flags()) },
    agent: { kill: async () => site.watcher && kill(site.watcher, 'SIGKILL'), start: () => site.startAgent('--live') },
    broker,
  };
  const shuffled = () =>
    (['hub', 'agent', 'broker'] as const)
      .map((name) => ({ name, at: draw() }))
      .sort((a, b) => a.at - b.at)
      .map(({ name }) => name);
  const late = Date.now() + UNDER_WAY_MS;
  while (!load.isUnderWay() && Date.now() < late) await sleep(100);
  // It may come to its end, or the next may begin.
  await sleep(500 + 4_500 * draw());
  const [down, up] = [shuffled(), shuffled()];
  for (const name of down) {
    await parts[name].kill();
    await sleep(APART_MS * draw());
  }
  for (const name of up) {
    await parts[name].start();
    await sleep(APART_MS * draw());
  }
  return `${down.join(' ')} down, ${up.join(' ')} up`;
}

/** Waits until the agent keeps nothing more for the hub, then looks at everything. */
async function settle(
  outside: OutsideSite,
  load: KillLoad,
  told: Told,
): Promise<Omit<KillsFound, 'rounds' | 'kills' | 'rounds_with_effect'>> {
  const { site } = outside;
  const store = new Store(site.state.store, 'read');
  const whole = (boot: string, seqs: ReadonlySet<number>): boolean => {
    const heard = heardOf(store, site.agent, boot);
    return [...seqs].every((seq) => heard.some(([from, to]) => from <= seq && seq <= to));
  };
  try {
    await site.until(() => {
      store.refresh();
      return [...told.said].every(([boot, seqs]) => whole(boot, seqs)) && isQuiet(site.incidents());
    }, 'the hub to have everything that was said');
    // The last telemetry that the hub's word covers is on its disk by then.
    store.refresh();
    const faults = [
      ...faultsOfMessages(store, site.agent, told),
      ...faultsOfFrames(store, site.agent, told),
      ...faultsOfEffects(outside, load.effects()),
    ];
    const audit = await site.sentinel('audit', 'verify');
    if (audit.code !== 0) faults.push(`audit verify: ${audit.stdout}`);
    const count = (all: Iterable<ReadonlySet<number>>) => [...all].reduce((sum, { size }) => sum + size, 0);
    return {
      starts: told.covered.size,
      messages: count(told.said.values()),
      acknowledged: count([...told.covered.values()].map(({ seqs }) => seqs)),
      frames: [...told.covered.values()].reduce((sum, { frames }) => sum + frames, 0),
      gaps: readGaps(store, site.agent).length,
      effects: load.effects(),
      faults,
    };
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
      message: `${error}\n${site.log}`,
    });
  } finally {
    await store.close();
  }
}

/** Nothing is under way any more: a plan that nobody approves may stay. */
const isQuiet = (incidents: readonly Incident[]): boolean =>
  incidents.every(({ state }) => !['open', 'diagnosing', 'approved', 'executing', 'verifying'].includes(state));

/** What the hub said it had stored, and has not; numbers of a start between which one is missing. */
function faultsOfMessages(store: Store, agent: string, told: Told): string[] {
  const faults: string[] = [];
  for (const [boot, { seqs }] of told.covered) {
    const heard = heardOf(store, agent, boot);
    const lost = [...seqs].filter((seq) => !heard.some(([from, to]) => from <= seq && seq <= to));
    if (lost.length > 0) faults.push(`start ${boot}: acknowledged and not stored: ${lost.join(', ')}`);
    if (heard.length > 1) faults.push(`start ${boot}: numbers are missing between ${JSON.stringify(heard)}`);
  }
  return faults;
}

/** Frames that the hub said it had, and that are neither stored nor named as missing; frames out of their order. */
function faultsOfFrames(store: Store, agent: string, told: Told): string[] {
  const faults: string[] = [];
  const stored = new Map<string, number[]>();
  const range = { start: [agent, 0] as [string, number], end: [agent, Number.MAX_SAFE_INTEGER] as [string, number] };
  for (const { value } of store.samples.getRange(range)) {
    const [n, seq] = value;
    const boot = store.columns.get([agent, n ?? 0])?.boot ?? '';
    stored.set(boot, [...(stored.get(boot) ?? []), seq ?? 0]);
  }
  const gaps = readGaps(store, agent);
  for (const [boot, { frames }] of told.covered) {
    const seqs = stored.get(boot) ?? [];
    const here = new Set(seqs);
    const isNamed = (seq: number) => gaps.some((gap) => gap.boot === boot && gap.from <= seq && seq <= gap.to);
    const lost = [...Array(frames).keys()].map((i) => i + 1).filter((seq) => !here.has(seq) && !isNamed(seq));
    if (lost.length > 0)
      faults.push(`start ${boot}: frames acknowledged, neither stored nor named: ${lost.join(', ')}`);
    if (seqs.some((seq, i) => i > 0 && seq <= (seqs[i - 1] ?? 0))) faults.push(`start ${boot}: frames out of order`);
    if (here.size < seqs.length) faults.push(`start ${boot}: frames stored twice`);
  }
  return faults;
}

/** Steps that ran twice: each run of the first step leaves one file, and each approval may run it once. */
function faultsOfEffects(outside: OutsideSite, effects: number): string[] {
  const faults: string[] = [];
  const begun = new Map<string, number>();
  for (const line of outside.site
    .journal()
    .split('\n')
    .filter((line) => line !== '')) {
    const { step, begun: at } = JSON.parse(line) as { step: string; begun?: number };
    if (at !== undefined) begun.set(step, (begun.get(step) ?? 0) + 1);
  }
  for (const [step, times] of begun) if (times > 1) faults.push(`step ${step} was begun ${times} times`);
  const first = [...begun.keys()].filter((step) => step.endsWith('step.1')).length;
  if (effects > first) faults.push(`${effects} effects of ${first} steps that were begun`);
  return faults;
}
