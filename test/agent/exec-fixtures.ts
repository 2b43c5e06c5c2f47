import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecLink, type Handed } from '../../agent/exec/exec-link.ts';
import type { StepReport } from '../../agent/execute.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import type { KeyPair } from '../../broker/keys.ts';
import type { Ack, Approval, Order, Phase } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { seal } from '../../broker/signed.ts';
import { loadJudge } from '../../policy/load-judge.ts';
import type { Program } from '../../policy/program.ts';
import { BOOT, HASH, type Planned, TestSite } from './order-fixtures.ts';

export const FRONT_DOOR = fileURLToPath(new URL('../../sentinel.js', import.meta.url));
const PATIENCE_MS = 60_000;

export const planned = (phase: Phase, number: number, program: Program): Planned => ({ phase, number, program });

/** A real `sentinel exec` in a process of its own, and the keys that it believes. */
export class ExecSite {
  /** Not in /tmp itself: a folder that root may trust has nobody else's above it but sticky ones. */
  readonly dir = mkdtempSync('/var/tmp/sentinel-test-exec-');
  readonly site = new TestSite();
  readonly socket = join(this.dir, 's');
  readonly state = join(this.dir, 'state');
  readonly policyHash = loadJudge({ siteDir: this.policy() }).hash;
  readonly link = new ExecLink(this.socket);
  child: ChildProcess | null = null;
  said = '';

  constructor() {
    const hex = Buffer.from(this.site.root.public).toString('hex');
    writeFileSync(
      join(this.state, 'site.json'),
      JSON.stringify({ version: 1, site: 'local', root: hex, agents: [], local_operator: 'ann' }),
    );
  }

  private policy(): string {
    mkdirSync(join(this.state, 'policy'), { recursive: true });
    return join(this.state, 'policy');
  }

  async start(...flags: string[]): Promise<void> {
    const argv = [FRONT_DOOR, 'exec', '--state', this.state, '--id', 'web-1', '--socket', this.socket, ...flags];
    await this.spawned(spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  /** Waits until a started executor listens. */
  async spawned(child: ChildProcess): Promise<void> {
    this.child = child;
    this.said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        this.said += chunk;
      });
    await this.until(() => /listening/.test(this.said) || child.exitCode !== null, 'the executor to listen');
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; !holds(); ) {
      if (Date.now() > deadline) throw new Error(`waited in vain for ${what}\n${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await gone;
    return child.exitCode;
  }

  /** An approval of a plan that the built-in rules vetted, with consent to every step. */
  approval(plan: readonly Planned[], change: Partial<Approval> = {}): Approval {
    return this.site.approval(plan, {
      policy_hash: this.policyHash,
      reviewed: [...new Set(plan.map(({ number }) => number))],
      ...change,
    });
  }

  roster = (change = {}, by: KeyPair = this.site.root): Uint8Array =>
    sealRoster({ ...this.site.roster, ...change }, by);

  message = (order: Order, by: KeyPair = this.site.hub): Uint8Array => seal('order', encodeCbor(order), by);

  ack(change: Partial<Ack> = {}): Uint8Array {
    const said = { agent: 'web-1', boot: BOOT, through: 0, now: Date.now(), counter: 1, ...change };
    return seal('ack', encodeCbor({ audit_head: { count: 1, hash: HASH }, ...said }), this.site.hub);
  }

  /** Hands an order over as the agent does. */
  async hand(
    order: Order | Uint8Array,
    more: { roster?: Uint8Array; ack?: Uint8Array; dry?: boolean } = {},
  ): Promise<{ handed: Handed; reports: StepReport[] }> {
    const reports: StepReport[] = [];
    const message = order instanceof Uint8Array ? order : this.message(order);
    const asked = { order: message, roster: this.roster(), dry: false, ...more };
    const handed = await this.link.hand(asked, (report) => reports.push(report));
    return { handed, reports };
  }

  journal(): string {
    return readFileSync(join(this.state, 'exec', 'journal.jsonl'), 'utf8');
  }

  async close(): Promise<void> {
    await this.kill('SIGTERM');
    this.site.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
