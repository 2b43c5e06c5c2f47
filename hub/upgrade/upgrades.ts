import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { chunksOf, type ReleaseFile } from '../../broker/release.ts';
import { open, seal } from '../../broker/signed.ts';
import { agentTopic } from '../../broker/topics.ts';
import {
  type SignedUpgrade,
  UPGRADE_LIMITS,
  UpgradeError,
  type UpgradeReport,
  type UpgradeWord,
  upgradeReport,
} from '../../broker/upgrade-messages.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Hub } from '../hub.ts';
import { isHalted } from '../site/halts.ts';
import { hubTime } from '../site/hub-time.ts';
import { newRollout } from './new-rollout.ts';
import { ReleaseFolder } from './release-folder.ts';
import {
  isActive,
  isUnderWay,
  nextHost,
  putRollout,
  type Rollout,
  type RolloutHost,
  readRollout,
  stopped,
  withHost,
} from './rollout.ts';
import { UPGRADE_TIMES, type UpgradeTimes, Way } from './way.ts';

/** What a host refuses for a while: the executor goes away and comes back while it is replaced itself, and a halt is lifted. */
const PASSING: ReadonlySet<string> = new Set(['E_UPGRADE_EXEC', 'E_HALTED']);

/** Brings agents another version, one after the other. The hub carries and counts; who believes what is the executors' own. */
export class Upgrades {
  readonly #folder: ReleaseFolder;
  readonly #times: UpgradeTimes;
  #chunks: readonly Uint8Array[] = [];
  readonly #ways = new Map<string, Way>();
  #timer: NodeJS.Timeout | undefined;
  /** Changes of the rollout, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #isOver = false;

  /** `folder` holds the release that is being brought. */
  constructor(folder: string, times: UpgradeTimes = UPGRADE_TIMES) {
    this.#folder = new ReleaseFolder(folder);
    this.#times = times;
  }

  /** Goes on with what an earlier hub left. */
  start(hub: Hub): void {
    const rollout = readRollout(hub.store);
    if (rollout !== null && isUnderWay(rollout)) this.#reopen(hub, rollout);
    this.#timer = setInterval(() => this.#soon(hub, () => this.#tick(hub)), this.#times.tick);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    for (const way of this.#ways.values()) way.forget();
    await this.#turn;
  }

  /** Begins what an admin has signed. Throws UpgradeError, SignatureError, ReleaseError or ShapeError. */
  begin(hub: Hub, by: string, { message, packed }: ReleaseFile, signed: SignedUpgrade): Promise<void> {
    return this.#inTurn(hub, async () => {
      const { store, key, now } = hub;
      const rollout = newRollout(hub, by, message, signed);
      this.#folder.keep({ message, packed });
      const { id, version, release, order, signature } = rollout;
      const hosts = rollout.hosts.length;
      await store.write(() => {
        putRollout(store, rollout);
        const data = { id, version, release, hosts, order, signature };
        appendAudit(store, key, { kind: 'upgrade.begun', incident: null, actor: by, data }, now());
      });
      this.#chunks = chunksOf(packed);
      this.#ways.clear();
      hub.log.info('an upgrade of agents begins', { version, by, hosts });
      await this.#fill(hub);
    });
  }

  /** Begins no other host. Throws E_UPGRADE_UNKNOWN when nothing is under way. */
  halt(hub: Hub, by: string): Promise<void> {
    return this.#inTurn(hub, async () => {
      const rollout = readRollout(hub.store);
      if (rollout?.state !== 'running') throw new UpgradeError('E_UPGRADE_UNKNOWN', 'no upgrade is under way');
      const receiving = rollout.hosts.filter(({ state }) => state === 'sending');
      await this.#put(hub, stopped(rollout, `${by} has stopped it`, hub.now()), by);
      // Without it, whoever has kept the pieces could bring the last one later.
      for (const { agent } of receiving) await this.#send(hub, agent, { upgrade: rollout.id, what: 'stop' });
    });
  }

  /** An agent's report: signed by its own key, and about what it was asked. Others change nothing. */
  async hear(hub: Hub, agent: string, payload: Uint8Array): Promise<void> {
    const enrolled = hub.site.agents.get(agent);
    if (enrolled === undefined) return;
    const report = upgradeReport(decodeCbor(open('upgrade_report', payload, enrolled.key)), '');
    if (report.agent !== agent || report.boot !== hub.store.births.get(agent)?.boot)
      throw new UpgradeError('E_UPGRADE_AGENT', 'a report of another agent, or of an earlier start');
    await this.#inTurn(hub, async () => {
      const host = this.#active(hub, agent, report.upgrade);
      if (host !== null) await this.#take(hub, host, report);
    });
  }

  /** An agent has connected, with whichever version: what it was told before may be lost. */
  born(hub: Hub, agent: string): void {
    this.#soon(hub, async () => {
      const host = this.#active(hub, agent);
      if (host !== null) await this.#say(hub, host.agent);
    });
  }

  async #take(hub: Hub, { agent, state: before }: RolloutHost, report: UpgradeReport): Promise<void> {
    const way = this.#way(agent);
    const { state, next = 0, code = '', message = '' } = report;
    if (state === 'want') {
      if (before !== 'sending') return;
      way.wants(next, () => this.#soon(hub, () => this.#sayChunk(hub, agent)));
    } else if (state === 'switching') {
      if (before === 'sending') await this.#set(hub, agent, { state: 'switching', code: '', message: '' });
      way.heard();
    } else if (state === 'confirmed') await this.#set(hub, agent, { state: 'done', code: '', message: '' });
    else if (state === 'returned' || !PASSING.has(code)) await this.#set(hub, agent, { state, code, message });
    await this.#fill(hub);
  }

  async #tick(hub: Hub): Promise<void> {
    const rollout = readRollout(hub.store);
    if (rollout === null || !isUnderWay(rollout)) return;
    if (isHalted(hub.store)) {
      // Nothing is begun, and nobody is late for it. What was put over before is confirmed: it would go back otherwise.
      for (const way of this.#ways.values()) way.heard();
      for (const { agent, state } of rollout.hosts)
        if (state === 'switching' && this.#way(agent).isDue(this.#times) && isHeard(hub, agent, rollout))
          await this.#say(hub, agent);
      return;
    }
    for (const { agent, state } of rollout.hosts.filter(isActive)) {
      const way = this.#way(agent);
      // One that was late has stopped it all.
      if (this.#active(hub, agent) === null) continue;
      const patience = state === 'sending' ? this.#times.sending : rollout.within_s * 1_000 + this.#times.ending;
      if (way.isLate(patience))
        await this.#set(hub, agent, { state: 'silent', code: 'E_UPGRADE_SILENT', message: 'nothing was heard of it' });
      else if (way.isDue(this.#times)) await this.#say(hub, agent);
    }
    await this.#fill(hub);
  }

  /** Begins with every host whose turn it is. */
  async #fill(hub: Hub): Promise<void> {
    for (;;) {
      const rollout = readRollout(hub.store);
      const host = rollout === null || this.#isOver || isHalted(hub.store) ? null : nextHost(rollout);
      if (rollout === null || host === null) return;
      const { agent } = host;
      const birth = hub.store.births.get(agent);
      const pass = (state: RolloutHost['state'], message: string) =>
        this.#set(hub, agent, { state, code: '', message });
      if (birth?.version === rollout.version) await pass('same', 'it has this version');
      else if (hub.store.presence.get(agent)?.state !== 'online') await pass('away', 'it is not connected');
      else if (birth?.can.upgrades !== true)
        await pass('cannot', 'upgrades over the mesh are not switched on there, or it is dry run');
      else {
        await pass('sending', '');
        await this.#say(hub, agent);
      }
    }
  }

  /** Says what it has to hear now: that the new version was heard, or what is offered. The answer says where it stands. */
  async #say(hub: Hub, agent: string): Promise<void> {
    const rollout = readRollout(hub.store);
    if (rollout === null) return;
    const { id, message: release, order, signature } = rollout;
    await this.#send(
      hub,
      agent,
      isHeard(hub, agent, rollout)
        ? { upgrade: id, what: 'confirm' }
        : { upgrade: id, what: 'offer', release, order, signature },
    );
  }

  async #sayChunk(hub: Hub, agent: string): Promise<void> {
    const rollout = readRollout(hub.store);
    const { next: index } = this.#way(agent);
    const bytes = this.#chunks[index];
    if (rollout === null || bytes === undefined || isHalted(hub.store)) return;
    if (rollout.hosts.some((host) => host.agent === agent && host.state === 'sending'))
      await this.#send(hub, agent, { upgrade: rollout.id, what: 'chunk', index, bytes });
  }

  async #send(hub: Hub, agent: string, said: Omit<UpgradeWord, 'agent' | 'site' | 'epoch' | 'until'>): Promise<void> {
    const { mesh, site, roster, key, log, store, now } = hub;
    const time = await store.write(() => hubTime(store, now()));
    const word = { agent, site: site.name, epoch: roster.epoch, until: time + UPGRADE_LIMITS.word_ms, ...said };
    this.#way(agent).said();
    try {
      await mesh.publish(agentTopic(agent, 'c'), seal('upgrade', encodeCbor(word), key));
    } catch (error) {
      log.warn('a word of an upgrade was not sent; it is said again', { agent, why: String(error) });
    }
  }

  /** The host, if this rollout waits to hear of it. */
  #active(hub: Hub, agent: string, id?: string): RolloutHost | null {
    const rollout = readRollout(hub.store);
    if (rollout === null || (id !== undefined && rollout.id !== id)) return null;
    return rollout.hosts.find((host) => host.agent === agent && isActive(host)) ?? null;
  }

  #way(agent: string): Way {
    const known = this.#ways.get(agent);
    if (known !== undefined) return known;
    const way = new Way();
    this.#ways.set(agent, way);
    return way;
  }

  /** A host comes into another state: its record and what follows for all of it are one transaction. */
  async #set(hub: Hub, agent: string, change: Pick<RolloutHost, 'state' | 'code' | 'message'>): Promise<void> {
    const rollout = readRollout(hub.store);
    if (rollout === null) return;
    this.#way(agent).heard();
    const next = withHost(rollout, agent, { ...change, at: hub.now() });
    hub.log.info(`upgrade: ${change.state}`, {
      agent,
      version: rollout.version,
      ...(change.code === '' ? {} : { code: change.code }),
    });
    await this.#put(hub, next, agent, change);
  }

  async #put(hub: Hub, next: Rollout, actor: string, host?: Pick<RolloutHost, 'state' | 'code'>): Promise<void> {
    const { store, key, now, log } = hub;
    const { id, version, state, why } = next;
    await store.write(() => {
      const before = readRollout(store);
      putRollout(store, next);
      if (host !== undefined) {
        const data = { id, version, state: host.state, code: host.code };
        appendAudit(store, key, { kind: 'upgrade.host', incident: null, actor, data }, now());
      }
      if (state === before?.state) return;
      const data = { id, version, state, why };
      appendAudit(store, key, { kind: 'upgrade.ended', incident: null, actor: host ? 'hub' : actor, data }, now());
    });
    if (state === 'stopped' && host !== undefined) log.warn('the upgrade of agents has stopped', { version, why });
  }

  /** What is done to the rollout is done in turn; what fails is told to who asked, and hinders nothing after it. */
  #inTurn(hub: Hub, act: () => Promise<void>): Promise<void> {
    const run = this.#turn.then(() => (this.#isOver ? undefined : act()));
    this.#turn = run.catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error)) hub.log.error('an upgrade failed', { why: String(error) });
    });
    return run;
  }

  /** The same where nobody waits for it. */
  #soon(hub: Hub, act: () => Promise<void>): void {
    this.#inTurn(hub, act).catch(() => {
      // It was told in its turn.
    });
  }

  #reopen(hub: Hub, rollout: Rollout): void {
    try {
      this.#chunks = this.#folder.chunks(rollout.release);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // What is being put over somewhere needs no piece any more.
      if (rollout.state === 'running') this.#soon(hub, () => this.#put(hub, stopped(rollout, why, hub.now()), 'hub'));
    }
  }
}

/** The new version has said who it is. */
const isHeard = ({ store }: Hub, agent: string, { version }: Rollout): boolean =>
  store.births.get(agent)?.version === version;
