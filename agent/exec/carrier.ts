import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeCbor } from '../../broker/cbor.ts';
import type { Log } from '../../broker/log.ts';
import { ack as ackShape } from '../../broker/messages.ts';
import { open } from '../../broker/signed.ts';
import { claim, type StateFolder } from '../../broker/state-folder.ts';
import { type UpgradeAnswer, UpgradeError } from '../../broker/upgrade-messages.ts';
import { auditLog } from '../audit-log.ts';
import { checkOwned } from '../binaries.ts';
import type { Cages } from '../bound/cage.ts';
import { openCages } from '../bound/open-cages.ts';
import { NO_HOME } from '../environment.ts';
import { Executor, type StepReport } from '../execute.ts';
import { readNames } from '../inventory.ts';
import { Journal } from '../journal.ts';
import { readOrder } from '../open-order.ts';
import { checkPrivilegedPath } from '../paths.ts';
import { containerNames } from '../sense/containers/names.ts';
import { ProcFiles } from '../sense/proc-files.ts';
import { SiteJudge } from '../site-judge.ts';
import { Trust, TrustError } from '../trust.ts';
import { Watch } from '../watch.ts';
import type { Carrier } from './exec-server.ts';
import { readPin } from './pin.ts';
import type { HaltRequest, Hello, Request, UpgradeRequest, WordRequest } from './protocol.ts';
import { UpgradeState, upgradeFolder } from './upgrade-state.ts';
import { endsUpgrade, Upgrades } from './upgrades.ts';

/**
 * While it is open which version stays, no order is begun: the executor may be ended in the middle of it. A hub that sends
 * orders confirms what it hears at once.
 */
const SETTLES_MS = 60_000;
const LOOK_MS = 100;

export interface ExecOptions {
  readonly state: StateFolder;
  /** The agent's name, where none was pinned. */
  readonly agent: string;
  readonly live: boolean;
  /** The site's own rules and watched folders; as root only where nobody else can change them. */
  readonly policy: string;
  readonly watch: string;
  /** The groups below ours are ours (systemd's Delegate=). */
  readonly delegated: boolean;
  /** The installed code, which an upgrade over the mesh replaces; null where none may. */
  readonly bundle: string | null;
  readonly log: Log;
}

/** The newest signed messages that came with a request, each as it was signed. */
interface Learnt {
  readonly roster: Uint8Array;
  readonly checkpoint?: Uint8Array | undefined;
  readonly ack: Uint8Array | undefined;
  readonly halt: Uint8Array | undefined;
}

/** No link on the way, and nobody but root may change it. */
function checkRootsAlone(path: string): void {
  checkPrivilegedPath(path);
  checkOwned(path);
}

/**
 * Carries out orders on its own judgement: its own pinned site root, its own memory of what it heard and ran, its own
 * rules and its own look at the host. Whoever hands it an order can withhold it, and nothing else.
 */
export class RootCarrier implements Carrier {
  readonly hello: Hello;
  private readonly options: ExecOptions;
  private readonly folder: string;
  private readonly home: string;
  private readonly trust: Trust;
  private readonly journal: Journal;
  private readonly judge: SiteJudge;
  private readonly cages: Cages;
  private readonly watch: Watch;
  private readonly upgrades: Upgrades;
  private readonly proc = new ProcFiles();
  private readonly release: () => void;
  private running: Executor | null = null;
  private stopping = false;

  /** Throws when its files can't be read, are another's to change, or are in use. */
  constructor(options: ExecOptions) {
    const { state, live, policy, watch, delegated, log } = options;
    this.options = options;
    const root = process.geteuid?.() === 0;
    const { agent, root: siteRoot } = readPin(state, options.agent);
    this.folder = join(state.root, 'exec');
    this.home = root ? join(this.folder, 'home') : NO_HOME;
    for (const folder of [this.folder, policy, watch]) mkdirSync(folder, { recursive: true, mode: 0o750 });
    if (root) {
      mkdirSync(this.home, { recursive: true, mode: 0o500 });
      // Otherwise who owns them says whom we believe, what we allow and what has run already.
      for (const path of [state.root, state.site, this.folder, policy, watch])
        if (existsSync(path)) checkPrivilegedPath(path);
    }
    this.release = claim(this.folder, 'an executor');
    this.trust = new Trust(this.folder, siteRoot);
    this.journal = new Journal(join(this.folder, 'journal.jsonl'));
    this.judge = new SiteJudge(policy, log);
    this.cages = openCages(this.home, delegated);
    this.watch = new Watch(watch);
    this.upgrades = new Upgrades({
      state: new UpgradeState(upgradeFolder(state)),
      ...{ bundle: options.bundle, releaseKey: join(policy, 'release.pem'), agent, trust: this.trust, now: Date.now },
      tags: () => {
        this.watch.refresh();
        return this.watch.declared().tags;
      },
      checkPath: root ? checkRootsAlone : null,
      audit: auditLog(join(this.folder, 'audit.jsonl'), Date.now),
    });
    const upgrades = live && this.upgrades.isOn ? { upgrades: true } : {};
    this.hello = { version: 1, agent, live, privileged: root, ...upgrades };
    log.info('carries out orders', { mode: live ? 'live' : 'dry-run', cages: this.cages.kind });
  }

  async carry(
    { order: message, roster, ack, halt, checkpoint, dry }: Request,
    report: (report: StepReport) => void,
  ): Promise<boolean> {
    const { agent } = this.hello;
    await this.settled();
    this.learn({ roster, checkpoint, ack, halt });
    const order = readOrder(message, this.trust);
    const containers = await containerNames();
    if (this.stopping) return false;
    this.watch.refresh();
    const executor = new Executor({
      agent,
      // Which start of the agent an order is for is the agent's to know; nothing runs twice here, whenever it comes.
      boot: order.boot,
      live: this.options.live && !dry,
      trust: this.trust,
      journal: this.journal,
      judge: this.judge,
      inventory: () => ({
        ...readNames(
          this.proc,
          this.watch.folders().map(({ path }) => path),
          containers,
        ),
        processes: [],
      }),
      tags: () => this.watch.declared().tags,
      running: { home: this.home, cages: this.cages },
      now: Date.now,
      audit: auditLog(join(this.folder, 'audit.jsonl'), Date.now),
    });
    this.running = executor;
    let isThrough = false;
    const say = (one: StepReport) => {
      isThrough = one.last;
      report(one);
    };
    await executor.run(order, say).finally(() => {
      this.running = null;
    });
    return isThrough;
  }

  upgrade({ upgrade, roster, ack, halt, dry }: UpgradeRequest): UpgradeAnswer {
    this.learn({ roster, ack, halt });
    return this.upgrades.take(upgrade, this.options.live && !dry);
  }

  waits({ upgrade }: UpgradeRequest): boolean {
    return !endsUpgrade(upgrade);
  }

  hear(word: WordRequest): void {
    this.learn({ ...word, ack: undefined, halt: undefined });
  }

  halt({ roster, halt }: HaltRequest): void {
    this.trust.learnRoster(roster);
    if (this.learnHalt(halt)) this.running?.halt();
  }

  stop(): void {
    this.stopping = true;
    this.running?.stop();
  }

  busy(): boolean {
    return this.cages.left() > 0;
  }

  close(): void {
    this.journal.close();
    this.release();
  }

  /** Resolves when no version is being put over, or this process goes away. Throws E_UPGRADE_BUSY when that takes too long. */
  private async settled(): Promise<void> {
    const until = performance.now() + SETTLES_MS;
    while (this.upgrades.isUnsettled && !this.stopping) {
      if (performance.now() > until)
        throw new UpgradeError('E_UPGRADE_BUSY', 'another version is being put over, and its hub has not confirmed it');
      await sleep(LOOK_MS);
    }
  }

  /** What comes with every request, and is checked here by itself. */
  private learn({ roster, checkpoint, ack, halt }: Learnt): void {
    this.trust.learnRoster(roster);
    if (checkpoint !== undefined) this.learnRevoked(checkpoint);
    if (ack !== undefined) this.learnAck(ack);
    if (halt !== undefined) this.learnHalt(halt);
  }

  /** Whether the site is halted by this message; an older one than was heard says nothing. */
  private learnHalt(message: Uint8Array): boolean {
    try {
      return this.trust.learnHalt(message);
    } catch (error) {
      if (!(error instanceof TrustError && error.code === 'E_HALT_OLD')) throw error;
      return false;
    }
  }

  /** It can only make less happen: one that nobody need believe, of an earlier epoch for instance, says nothing. */
  private learnRevoked(message: Uint8Array): void {
    try {
      this.trust.learnRevoked(message);
    } catch (error) {
      this.options.log.warn('did not believe a checkpoint', { why: String(error) });
    }
  }

  /** One that was heard before is no news and no fault: the same one comes with every order until the next. */
  private learnAck(message: Uint8Array): void {
    const ack = ackShape(decodeCbor(open('ack', message, this.trust.roster.hub_key)), '');
    if (ack.agent !== this.hello.agent) return;
    try {
      const doubt = this.trust.learnAck(ack);
      if (doubt !== null) this.options.log.warn('does not believe the time', { code: doubt.code, why: doubt.message });
    } catch (error) {
      if (!(error instanceof TrustError && error.code === 'E_ACK_OLD')) throw error;
    }
  }
}
