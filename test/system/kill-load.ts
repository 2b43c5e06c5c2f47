import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLOSED, type Incident } from '../../hub/incident.ts';
import { COUNTING_PLAYBOOK } from '../e2e/counting-playbook.ts';
import type { OutsideSite } from './outside-site.ts';

/** Folders that are filled and emptied all the time, whatever is done about them: many alerts, and fixes that do not help. */
const FLAPPING = 2;
/** A folder of these is filled or emptied after this at most. */
const TOGGLE_MS = 3_000;
/** Folders that are filled and left to their plan. A round may leave one to a person, who does not come. */
const LEFT_A_ROUND = 2;
const LEFT_AT_LEAST = 4;
/** So many of them are full at once. */
const FULL_AT_ONCE = 2;

/** Trouble in watched folders, and an operator who approves every plan. */
export class KillLoad {
  readonly #outside: OutsideSite;
  readonly #draw: () => number;
  readonly #flapping: readonly Folder[];
  readonly #left: readonly Folder[];
  #running: Promise<unknown> = Promise.resolve();
  #isOver = false;

  /** Declares the folders and the playbook: to be made before hub and agent start. */
  constructor(outside: OutsideSite, rounds: number, draw: () => number) {
    this.#outside = outside;
    this.#draw = draw;
    const { site } = outside;
    site.playbook('folder-full', COUNTING_PLAYBOOK);
    const folders = [...Array(FLAPPING + LEFT_AT_LEAST + LEFT_A_ROUND * rounds).keys()].map(
      (i) => new Folder(`f${i}`, join(site.dir, `folder${i}`)),
    );
    this.#flapping = folders.slice(0, FLAPPING);
    this.#left = folders.slice(FLAPPING);
    const declared = folders.map(({ name, path }) => `  - { name: ${name}, path: ${path}, quota_mib: 1 }`);
    writeFileSync(join(site.state.watch, 'folders.yaml'), `version: 1\nfolders:\n${declared.join('\n')}\n`);
  }

  start(): void {
    this.#running = Promise.all([this.#flap(), this.#fill(), this.#approve()]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** Whether an order is on its way, runs, or is looked after. */
  isUnderWay(): boolean {
    return this.#outside.site.incidents().some(({ state }) => ['approved', 'executing'].includes(state));
  }

  /** How often the first step of a plan had its effect. */
  effects(): number {
    return [...this.#flapping, ...this.#left].reduce((sum, folder) => sum + folder.ran(), 0);
  }

  async #flap(): Promise<void> {
    while (!this.#isOver) {
      const folder = this.#flapping[Math.floor(this.#draw() * FLAPPING)];
      if (folder?.isFull() === true) folder.empty();
      else folder?.fill();
      await sleep(TOGGLE_MS * this.#draw());
    }
    // So that all comes to an end.
    for (const folder of this.#flapping) folder.empty();
  }

  /** Fills those that are empty and have no open incident, each in its turn. */
  async #fill(): Promise<void> {
    const turn = [...this.#left];
    while (!this.#isOver) {
      const incidents = this.#outside.site.incidents();
      const open = (folder: Folder) => incidents.find((one) => folder.isOf(one) && !CLOSED.has(one.state));
      const going = turn.filter((folder) => folder.isFull() && !isLeft(open(folder)));
      const next = turn.findIndex((folder) => !folder.isFull() && open(folder) === undefined);
      if (going.length < FULL_AT_ONCE && next >= 0) {
        const [folder] = turn.splice(next, 1);
        if (folder !== undefined) {
          folder.fill();
          turn.push(folder);
        }
      }
      await sleep(200);
    }
    for (const folder of turn) folder.empty();
  }

  async #approve(): Promise<void> {
    const { site } = this.#outside;
    const asked = new Set<string>();
    while (!this.#isOver) {
      const waiting = site.incidents().find(({ id, state }) => state === 'proposed' && !asked.has(id));
      if (waiting === undefined) {
        await sleep(100);
        continue;
      }
      // A hub that is killed meanwhile answers nothing: the plan is asked for again.
      const { code } = await site.sentinel('incident', 'approve', waiting.id, '--reviewed', 'all', '--yes');
      if (code === 0) asked.add(waiting.id);
    }
  }
}

/** Nothing more will be done about it without a person. */
const isLeft = (incident: Incident | undefined): boolean =>
  incident !== undefined && ['expired', 'escalated', 'failed', 'outcome_unknown'].includes(incident.state);

/** A watched folder with a quota of 1 MiB. */
class Folder {
  readonly name: string;
  readonly path: string;

  constructor(name: string, path: string) {
    this.name = name;
    this.path = path;
    mkdirSync(path, { mode: 0o700 });
  }

  fill(): void {
    writeFileSync(this.#file, Buffer.alloc(2 * 1_048_576, 1));
  }

  empty(): void {
    rmSync(this.#file, { force: true });
  }

  isFull(): boolean {
    return existsSync(this.#file);
  }

  /** Whether the incident is about this folder. */
  isOf({ fingerprint }: Incident): boolean {
    return fingerprint.endsWith(`:${this.name}`);
  }

  /** Each run of the first step leaves one file. */
  ran(): number {
    return readdirSync(this.path).filter((name) => name.startsWith('ran.')).length;
  }

  get #file(): string {
    return join(this.path, 'full.tmp');
  }
}
