import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepKey, keyFile, makeLocalSite, readSite } from '../../../broker/enroll.ts';
import { readKeyPair } from '../../../broker/keys.ts';
import type { Log } from '../../../broker/log.ts';
import type { Inbound, Mesh } from '../../../broker/mesh.ts';
import { sealRoster } from '../../../broker/roster.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../../broker/state-folder.ts';
import { hubTopic } from '../../../broker/topics.ts';
import { serveActs } from '../../../hub/acts/server.ts';
import { Checkpoints } from '../../../hub/chain/checkpoints.ts';
import { readCorrelationRules } from '../../../hub/correlate/rules.ts';
import { readServiceMap } from '../../../hub/correlate/service-map.ts';
import type { Hub } from '../../../hub/hub.ts';
import { HubPresence } from '../../../hub/hub-presence.ts';
import { Commits } from '../../../hub/mesh/commits.ts';
import { Ingest } from '../../../hub/mesh/ingest.ts';
import { Intake } from '../../../hub/mesh/intake.ts';
import { SilentAgents } from '../../../hub/mesh/silent-agents.ts';
import { Telemetry } from '../../../hub/mesh/telemetry.ts';
import { openReasoners } from '../../../hub/open-reasoners.ts';
import { Driver } from '../../../hub/pipeline.ts';
import { Probes } from '../../../hub/probes.ts';
import { Thoughts } from '../../../hub/reason/thoughts.ts';
import { Enrollment } from '../../../hub/site/enrollment.ts';
import { nextKeyFile, noteRoster, RosterKeeper } from '../../../hub/site/roster-keeper.ts';
import { makeSiteCa, openSiteCa } from '../../../hub/site/server-tls.ts';
import { bringUpToDate } from '../../../hub/store/format.ts';
import { Store } from '../../../hub/store/store.ts';
import { Tools } from '../../../hub/tools/tools.ts';
import { loadPolicy } from '../../../policy/policy.ts';
import { COUNTING_PLAYBOOK } from '../../e2e/counting-playbook.ts';
import type { SimClock } from './sim-clock.ts';

/** A site in a folder: its root, its CA, and a playbook for what the simulated hosts suffer from. */
export async function simSite(folder: string, now: number): Promise<StateFolder> {
  const state = stateFolder(folder);
  prepareFolder(state);
  makeLocalSite(state, 'hub-host');
  await makeSiteCa(state, readSite(state).name, now);
  writeFileSync(keyFile.macSecret(state), randomBytes(32).toString('hex'), { mode: 0o600 });
  mkdirSync(state.playbooks, { recursive: true });
  writeFileSync(join(state.playbooks, 'folder-full.yaml'), COUNTING_PLAYBOOK);
  return state;
}

/**
 * A hub from its store to its pipeline, made of what `openHub` makes one of, with the clock and the mesh given: what it says
 * goes to `deliver`, what it is told comes through `receive`, and what its timers do is done when it is called for.
 */
export class SimHub {
  readonly hub: Hub;
  readonly driver: Driver;
  readonly checkpoints: Checkpoints;
  readonly enrollment: Enrollment;
  readonly silent: SilentAgents;
  readonly intake: Intake;
  private readonly state: StateFolder;
  private readonly keeper: RosterKeeper;
  private readonly ingest: Ingest;
  private readonly commits: Commits;
  private readonly presence: HubPresence;
  private endActs: () => Promise<void> = async () => {};

  static async open(
    state: StateFolder,
    clock: SimClock,
    deliver: (topic: string, payload: Uint8Array) => void,
    log: Log,
  ): Promise<SimHub> {
    const local = readSite(state);
    const site = { ...local, agents: new Map(local.agents) };
    const keeper = new RosterKeeper(state, site);
    const store = new Store(state.store, 'write');
    await bringUpToDate(store, { key: keeper.key, log, now: clock.hub });
    const policy = await loadPolicy();
    const { endpoint, playbooks: folder } = state;
    const thinking = openReasoners({ folder, endpoint, policy, store, log });
    const ca = await openSiteCa(state);
    if (ca === null) throw new Error('the site has no CA');
    const mesh: Mesh = {
      host: '',
      port: 0,
      publish: async (topic, payload) => deliver(topic, payload),
      close: async () => {},
    };
    const hub: Hub = {
      store,
      site,
      get roster() {
        return keeper.roster;
      },
      key: keeper.key,
      policy,
      playbooks: thinking.playbooks,
      correlation: { rules: readCorrelationRules(state.correlate), services: readServiceMap(state.services) },
      reasoners: thinking.all,
      thoughts: new Thoughts(),
      mesh,
      tools: new Tools({ store, key: () => keeper.key, now: clock.hub, isAgent: (name) => site.agents.has(name) }),
      live: true,
      automation: { inForce: null, uptime: clock.steady },
      delivered: new Map(),
      probes: new Probes(),
      log,
      now: clock.hub,
    };
    const macSecret = new Uint8Array(Buffer.from(readFileSync(keyFile.macSecret(state), 'utf8'), 'hex'));
    const enrolling = { store, site, agents: site.agents, ca, macSecret, key: keeper.key, now: clock.hub };
    const made = new SimHub(state, hub, keeper, new Enrollment({ ...enrolling, changed: () => {} }), clock);
    await made.begin();
    return made;
  }

  private constructor(state: StateFolder, hub: Hub, keeper: RosterKeeper, enrollment: Enrollment, clock: SimClock) {
    const { store, now } = hub;
    this.state = state;
    this.hub = hub;
    this.keeper = keeper;
    this.enrollment = enrollment;
    this.driver = new Driver(hub);
    this.checkpoints = new Checkpoints(hub);
    this.presence = new HubPresence(hub, { reasoner: 'rules', address: '' });
    this.intake = new Intake(hub, this.driver);
    this.silent = new SilentAgents(hub, (event) => this.intake.take(event), clock.steady);
    this.commits = new Commits(store);
    const telemetry = new Telemetry({ store, agents: hub.site.agents, now, commits: this.commits });
    this.ingest = new Ingest(telemetry, (message) => this.intake.receive(message), {
      sampled: (stored) => this.intake.sampled(stored),
      broken: (stored) => this.intake.broken(stored),
      gap: () => {},
      dropped: (message, error) => this.intake.complain('dropped telemetry', message, error),
    });
  }

  private async begin(): Promise<void> {
    const { hub, keeper } = this;
    await this.presence.begin();
    await noteRoster(hub.store, keeper, 'site-root', hub.now());
    this.tellRoster();
    await this.checkpoints.make();
    this.endActs = await serveActs(hub, this.driver, this.state.actSocket);
    this.driver.resume();
  }

  /** Resolves when the message is durable or dropped: what the broker's acknowledgement waits for. */
  receive(message: Inbound): Promise<void> {
    return this.ingest.receive(message);
  }

  tellRoster(): void {
    void this.hub.mesh.publish(hubTopic('site'), this.keeper.message);
  }

  /** As `sentinel roster new-key`, `sign` and `install` do: the hub signs with another order key from now on. */
  async rotateKey(): Promise<void> {
    const { hub, keeper, state } = this;
    const next = keepKey(nextKeyFile(state));
    const { roster } = keeper;
    const retired = [...(roster.retired ?? []), roster.hub_key];
    const changed = { ...roster, version: roster.version + 1, hub_key: next.public, retired };
    keeper.install(sealRoster(changed, readKeyPair(keyFile.siteRoot(state))));
    this.tellRoster();
    await noteRoster(hub.store, keeper, 'site-root', hub.now());
    this.driver.resume();
  }

  async settled(): Promise<void> {
    await this.commits.settled();
  }

  /** Ends as a hub that is told to. */
  async close(): Promise<void> {
    await this.endActs();
    this.ingest.stop();
    this.intake.stop();
    await this.commits.settled();
    await this.driver.stop();
    await this.presence.end();
    await this.checkpoints.end();
    await this.hub.store.close();
  }
}
