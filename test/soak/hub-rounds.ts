import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { hubKeys } from '../../broker/roster.ts';
import { type Act, type Acting, askHub, localOperator, signPlan } from '../../hub/acts/client.ts';
import { verifyAudit } from '../../hub/chain/audit.ts';
import type { Incident, State } from '../../hub/incident.ts';
import { kill, Site } from '../e2e/site.ts';
import { Seeded } from '../fuzz/seeded.ts';
import { RepeatingProxy } from './repeating-proxy.ts';
import { disagreements, isAtRest } from './store-agrees.ts';

/** Folders whose quota is crossed: each is one trouble of its own. */
const FOLDERS = 6;
/**
 * By how much a hub's clock is off at a start: mostly not. An agent never takes the hub's time back, so after a jump that is
 * longer than an approval holds it would refuse all that follows, and nothing more were shown.
 */
const CLOCKS_MS = [0, 0, 0, 0, 0, 120_000, 240_000, -300_000] as const;
/** A longer pause between acts shows no state that a shorter one does not. */
const PAUSE_MS = 900;
/** No wait of a round is meant to end by this. */
const REST_MS = 180_000;

/** How finely chance is cut. */
const FINE = 2 ** 31;

const SKEW = new URL('./skewed-clock.js', import.meta.url).href;

/** Leaves one file for each time that its first step is run, then frees the folder. */
const PLAYBOOK = `version: 1
id: folder-full
title: Frees a folder and leaves a file for each run
class: disk
match:
  signals: [folder.space]
  description: a watched folder is over its quota
pre_checks: []
steps:
  - run: mktemp -p {folder} ran.XXXXXX
    why: Leaves one file for each run.
    rollback: null
  - run: find {folder} -xdev -type f -name '*.tmp' -delete
    why: Deletes the temporary files that fill it.
    rollback: null
verify:
  within: 20s
  post_checks: []
idempotent: true
concurrency: host
max_wait: 20s
`;

export interface RoundsFound {
  readonly rounds: number;
  readonly kills: { readonly hub: number; readonly agent: number };
  readonly incidents: number;
  readonly repeated: number;
  /** In how many kills of the hub an incident was in this state. */
  readonly killedIn: Readonly<Partial<Record<State, number>>>;
  /** Acts that the hub took. */
  readonly acts: number;
  readonly ended: Readonly<Partial<Record<State, number>>>;
  readonly steps: number;
  /** What must not be: one sentence each. */
  readonly wrong: readonly string[];
}

/**
 * A real hub and a real agent under random trouble, acts, repeated and late messages, clocks that jump and kills with -9,
 * on one state folder. After every round the indexes must agree with the incidents, the audit chain must verify, and no
 * step may have run twice; at the end every incident is closed or waits for a named person.
 */
export async function hubRounds(options: {
  readonly rounds: number;
  readonly seed: number;
  readonly stop?: AbortSignal;
  readonly told?: (line: string) => void;
}): Promise<RoundsFound> {
  const { rounds, seed, stop, told = () => {} } = options;
  const site = new Rounds(seed);
  try {
    await site.begin();
    let n = 0;
    for (; n < rounds && stop?.aborted !== true && site.wrong.length === 0; n++) {
      await site.round();
      told(`round ${n + 1} of ${rounds}: ${site.story()}`);
    }
    if (site.wrong.length === 0) await site.rest();
    return { rounds: n, ...site.found() };
  } finally {
    await site.close();
  }
}

class Rounds {
  readonly wrong: string[] = [];
  private readonly site = new Site();
  private readonly random: () => number;
  private readonly proxy: RepeatingProxy;
  private proxyPort = 0;
  private ahead = 0;
  private readonly kills = { hub: 0, agent: 0 };
  private readonly killedIn = new Map<State, number>();
  private acts = 0;

  constructor(seed: number) {
    const drawn = new Seeded(seed);
    this.random = () => drawn.below(FINE) / FINE;
    this.proxy = new RepeatingProxy(0, this.random);
    this.site.playbook('folder-full', PLAYBOOK);
    const folders = Array.from({ length: FOLDERS }, (_, i) => ({ name: `lot-${i}`, path: this.folder(i) }));
    for (const { path } of folders) mkdirSync(path, { mode: 0o700 });
    const entries = folders.map(({ name, path }) => `  - name: ${name}\n    path: ${path}\n    quota_mib: 1\n`);
    writeFileSync(join(this.site.state.watch, 'spool.yaml'), `version: 1\nfolders:\n${entries.join('')}`);
  }

  async begin(): Promise<void> {
    this.proxyPort = await this.proxy.listen();
  }

  async round(): Promise<void> {
    await this.start(this.pick(CLOCKS_MS));
    const acts = 2 + Math.floor(this.random() * 5);
    for (let n = 0; n < acts; n++) {
      await this.act();
      await sleep(this.random() * PAUSE_MS);
    }
    await this.kill();
    await this.check();
  }

  /** All trouble ends, and both run until nothing moves any more. */
  async rest(): Promise<void> {
    await this.start(0);
    for (let i = 0; i < FOLDERS; i++) this.empty(i);
    const deadline = Date.now() + REST_MS;
    for (;;) {
      const moving = this.incidents().filter((one) => !isAtRest(one));
      if (moving.length === 0) break;
      if (Date.now() > deadline) {
        for (const { id, state, owner } of moving) this.wrong.push(`${id} stays ${state}, with ${owner}`);
        this.wrong.push(this.site.told().slice(-6_000));
        break;
      }
      await sleep(100);
    }
    await this.check();
  }

  found(): Omit<RoundsFound, 'rounds'> {
    const incidents = this.incidents();
    const ended: Partial<Record<State, number>> = {};
    for (const { state } of incidents) ended[state] = (ended[state] ?? 0) + 1;
    return {
      kills: this.kills,
      incidents: incidents.length,
      repeated: this.proxy.repeated,
      killedIn: Object.fromEntries(this.killedIn),
      acts: this.acts,
      ended,
      steps: this.begun().length,
      wrong: this.wrong,
    };
  }

  story(): string {
    const { hub, agent } = this.kills;
    return `${this.incidents().length} incidents, ${hub} hubs and ${agent} agents killed, ${this.acts} acts, ${this.begun().length} steps`;
  }

  async close(): Promise<void> {
    await this.site.close();
    await this.proxy.close();
  }

  private async start(ahead: number): Promise<void> {
    const { site } = this;
    if (site.hub === null || isGone(site.hub)) {
      this.ahead = ahead;
      const before = process.env['NODE_OPTIONS'];
      process.env['NODE_OPTIONS'] = `--import ${SKEW}`;
      process.env['SENTINEL_TEST_CLOCK_AHEAD_MS'] = String(ahead);
      const started = site.startHub('--live');
      if (before === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = before;
      delete process.env['SENTINEL_TEST_CLOCK_AHEAD_MS'];
      await started;
      this.proxy.target = Number(new URL(site.broker).port);
    }
    if (site.watcher === null || isGone(site.watcher))
      await site.startAgent('--live', '--broker', `mqtt://127.0.0.1:${this.proxyPort}`);
  }

  /** One thing that happens to the site: trouble, its end, or an operator. */
  private async act(): Promise<void> {
    const luck = this.random();
    const i = Math.floor(this.random() * FOLDERS);
    if (luck < 0.45) writeFileSync(join(this.folder(i), 'full.tmp'), Buffer.alloc(2 * 1_048_576, 1));
    else if (luck < 0.55) this.empty(i);
    else await this.operate();
  }

  private async operate(): Promise<void> {
    const waiting = this.incidents().filter(({ state }) => state !== 'resolved' && state !== 'rejected');
    const incident = waiting[Math.floor(this.random() * waiting.length)];
    const luck = this.random();
    if (incident === undefined) return;
    try {
      const operator = localOperator(this.site.state);
      const answer = await askHub(this.site.state, operator, await this.actOn(incident, luck, operator));
      if (answer.ok === 'yes') this.acts++;
    } catch {
      // Refused for its state, or the hub is not there: both are part of the game.
    }
  }

  private async actOn(incident: Incident, luck: number, operator: Acting): Promise<Act> {
    const { id, plan } = incident;
    if (luck < 0.7) {
      const reviewed = plan?.steps.map(({ number }) => number) ?? [];
      return {
        verb: 'approve',
        incident: id,
        ...(await signPlan(incident, operator, reviewed, Date.now() + this.ahead)),
      };
    }
    if (luck < 0.8) return { verb: 'ack', incident: id };
    return { verb: luck < 0.9 ? 'reject' : 'cancel', incident: id, note: 'a test' };
  }

  private async kill(): Promise<void> {
    const luck = this.random();
    const { hub, watcher } = this.site;
    if (luck < 0.75 && hub !== null) {
      await kill(hub, 'SIGKILL');
      this.kills.hub++;
      for (const { state } of this.incidents()) this.killedIn.set(state, (this.killedIn.get(state) ?? 0) + 1);
    }
    if (luck > 0.6 && watcher !== null) {
      await kill(watcher, 'SIGKILL');
      this.kills.agent++;
    }
  }

  private async check(): Promise<void> {
    const store = this.site.reader();
    if (store === null) return;
    const { roster } = readRoster(this.site.state, readSite(this.site.state));
    // A hub that still runs writes between two looks: what is still so a moment later is wrong.
    let found = disagreements(store);
    for (let n = 0; found.length > 0 && n < 5; n++) {
      await sleep(200);
      store.refresh();
      found = disagreements(store);
    }
    const chain = verifyAudit(store, hubKeys(roster));
    if (!chain.ok) this.wrong.push(`audit record ${chain.record}: ${chain.why}`);
    this.wrong.push(...found);
    const begun = this.begun();
    if (new Set(begun).size < begun.length) this.wrong.push('a step began twice');
    const first = begun.filter((step) => step.endsWith('/step.1')).length;
    const ran = Array.from({ length: FOLDERS }, (_, i) => readdirSync(this.folder(i))).flat();
    const files = ran.filter((name) => name.startsWith('ran.')).length;
    if (files > first) this.wrong.push(`${first} first steps began, and ${files} ran`);
  }

  /** Every step that the agent began, from its journal. */
  private begun(): readonly string[] {
    if (!existsSync(this.site.state.journal)) return [];
    const lines = readFileSync(this.site.state.journal, 'utf8').split('\n');
    return lines.flatMap((line) => (/"begun"/.test(line) ? [/"step":"([^"]+)"/.exec(line)?.[1] ?? line] : []));
  }

  /** All of the folders' incidents, newest first. */
  private incidents(): readonly Incident[] {
    return this.site.incidents();
  }

  private folder(i: number): string {
    return join(this.site.dir, `lot-${i}`);
  }

  private empty(i: number): void {
    rmSync(join(this.folder(i), 'full.tmp'), { force: true });
  }

  private pick<T>(all: readonly T[]): T {
    const [first] = all;
    const found = all[Math.floor(this.random() * all.length)] ?? first;
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }
}

const isGone = ({ exitCode, signalCode }: { exitCode: number | null; signalCode: string | null }): boolean =>
  exitCode !== null || signalCode !== null;
