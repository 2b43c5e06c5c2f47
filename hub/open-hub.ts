import { existsSync, readFileSync, rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { writeDurably } from '../broker/durable-file.ts';
import { readSite } from '../broker/enroll.ts';
import type { Log } from '../broker/log.ts';
import { DEFAULT_PORT } from '../broker/mesh.ts';
import { hubKeys } from '../broker/roster.ts';
import { claim, prepareFolder, type StateFolder } from '../broker/state-folder.ts';
import { hubTopic } from '../broker/topics.ts';
import { localOperator } from './acts/client.ts';
import { serveActs } from './acts/server.ts';
import { askHost } from './ask-host.ts';
import { allowOnly } from './automation/allow-only.ts';
import { FollowedRules } from './automation/follow-rules.ts';
import { refuseHalfRestored } from './backup/restoring.ts';
import { verifyAuditTail } from './chain/audit.ts';
import { checkChain, START_RECORDS } from './chain/check.ts';
import { Checkpoints } from './chain/checkpoints.ts';
import { openedPlaces } from './chain/places.ts';
import { Closing } from './closing.ts';
import { readCorrelationRules } from './correlate/rules.ts';
import { readServiceMap } from './correlate/service-map.ts';
import { deferred } from './deferred.ts';
import type { Hub } from './hub.ts';
import { HubPresence } from './hub-presence.ts';
import { Intake } from './mesh/intake.ts';
import { type HubMesh, type OutsideBroker, openHubMesh } from './mesh/mesh.ts';
import { SilentAgents } from './mesh/silent-agents.ts';
import type { MetricsDoor } from './metrics/open-metrics.ts';
import type { ChosenModel } from './models/choice.ts';
import {
  letOthersIn,
  openedEnrollment,
  openedMetrics,
  openedNotifier,
  openedWebhooks,
  reachedBy,
} from './open-doors.ts';
import { namesOf, openModel, openReasoners, type Reasoners } from './open-reasoners.ts';
import { openRules } from './open-rules.ts';
import { Driver } from './pipeline.ts';
import { Probes } from './probes.ts';
import { Thoughts } from './reason/thoughts.ts';
import { Announcements } from './site/halts.ts';
import type { OpenEnrollment } from './site/open-enrollment.ts';
import { noteRoster, RosterKeeper } from './site/roster-keeper.ts';
import { RosterTeller } from './site/tell-roster.ts';
import { outliveFailedCommits } from './store/failed-commits.ts';
import { bringUpToDate } from './store/format.ts';
import { DEFAULT_RETENTION, type Retention } from './store/retention.ts';
import { refuseDamaged, Store } from './store/store.ts';
import { tidy } from './tidying.ts';
import { openViews } from './tools/open-views.ts';
import { RequestServer } from './tools/request-server.ts';
import { Tools } from './tools/tools.ts';
import { Upgrades } from './upgrade/upgrades.ts';
import type { WebhookDoor } from './webhooks/open-webhooks.ts';

export interface HubOptions {
  readonly state: StateFolder;
  readonly host: string;
  /** Wanted port; an occupied one makes it take the next. Absent: the one it had last, else MQTT's own. */
  readonly port?: number;
  /** Where hosts that were enrolled connect (TLS), and where they enrol; only on a site with a CA. */
  readonly tls?: { readonly host?: string; readonly port: number; readonly enrollPort: number };
  readonly live: boolean;
  /** Somebody else's broker; absent: the embedded one. */
  readonly outside?: OutsideBroker;
  /** Say views as JSON too. */
  readonly jsonViews?: boolean;
  /** All-allow plans of idempotent playbooks run with nobody there, under a rule that the local operator signs now. */
  readonly autoApprove?: boolean;
  /** Where `/metrics` and `/healthz` are served; absent: nowhere. */
  readonly metrics?: MetricsDoor;
  /** Where other systems bring alerts; absent: nowhere. */
  readonly webhooks?: WebhookDoor;
  /** How long closed incidents stay; absent: thirteen months, two hundred thousand, 16 GiB. */
  readonly retention?: Retention;
  /** A GGUF file; absent: rules alone. */
  readonly model?: ChosenModel;
  readonly log: Log;
}

export interface RunningHub {
  readonly host: string;
  readonly port: number;
  /** The port that was wanted; another one than `port` when it was occupied. */
  readonly wanted: number;
  readonly reasoner: string;
  /** Incidents that an earlier hub left unfinished and this one goes on with. */
  readonly resumed: number;
  /** Resolves when another hub has taken over, with a later epoch that the site root has signed. */
  readonly superseded: Promise<string>;
  /** Whether its own broker, in its thread, still speaks: this thread is alive when it can be asked. */
  isAlive(): boolean;
  close(): Promise<void>;
}

/** Opens everything a hub is made of, lowest floor first; throws coded errors that say what to do. */
export async function openHub(options: HubOptions): Promise<RunningHub> {
  prepareFolder(options.state);
  const closing = new Closing();
  const { hub, store } = options.state;
  closing.add(claim(hub, 'a hub'));
  // There from before the store is opened until it is closed; it stays where the store was refused.
  const running = join(hub, 'running');
  try {
    // Under the claim: a restore that is still at work holds it.
    refuseHalfRestored(options.state);
    outliveFailedCommits();
    const wasCutShort = existsSync(running);
    await refuseDamaged(store, { ran: existsSync(join(hub, 'port')), wasCutShort });
    if (wasCutShort)
      options.log.info('the last hub here did not end by itself: its store was read through, and is whole');
    // On the disk before the store changes, so that a power cut is seen too.
    writeDurably(running, '');
    closing.add(() => rmSync(running, { force: true }));
    const parts = await openParts(options, closing);
    return await run(options, parts, closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** A hub with all it uses, before it takes the first message. */
interface Parts {
  readonly hub: Hub;
  readonly keeper: RosterKeeper;
  readonly thinking: Reasoners;
  readonly followed: FollowedRules;
  /** Null on a site without a CA. */
  readonly opened: OpenEnrollment | null;
  readonly mesh: HubMesh;
  /** The port that was wanted. */
  readonly wanted: number;
  readonly superseded: Promise<string>;
}

async function openParts(options: HubOptions, closing: Closing): Promise<Parts> {
  const { state, log, live, outside } = options;
  const local = readSite(state);
  // Grows and shrinks with enrolment, and everything in the hub looks at this one table.
  const agents = new Map(local.agents);
  const site = { ...local, agents };
  const isAgent = (name: string) => agents.has(name);
  const keeper = new RosterKeeper(state, site);
  const { key } = keeper;
  const store = new Store(state.store, 'write');
  closing.add(() => store.close());
  const chain = verifyAuditTail(store, hubKeys(keeper.roster), START_RECORDS);
  if (!chain.ok) log.error(`audit record ${chain.record}: ${chain.why}. Run \`sentinel audit verify\`.`);
  await bringUpToDate(store, { key, log, now: Date.now });
  const rules = await openRules({ siteDir: state.policy, store, key, log });
  closing.add(() => rules.close());
  const { endpoint, playbooks: folder } = state;
  const thinking = openReasoners({ folder, endpoint, policy: rules.policy, store, log });
  closing.add(() => Promise.all(thinking.all.map((one) => one.close())));

  const opened = await openedEnrollment({ state, site, agents, store, keeper, log });
  if (opened !== null) closing.add(() => opened.close());
  const wanted = options.port ?? lastPort(state) ?? DEFAULT_PORT;
  const tools = new Tools({ store, key: () => key, now: Date.now, isAgent });
  const superseded = deferred<string>();
  const mesh = await openHubMesh({
    host: options.host,
    port: wanted,
    ...(opened === null || options.tls === undefined ? {} : { tls: { ...options.tls, ...opened.tls } }),
    outside,
    site,
    store,
    folder: state.store,
    tools,
    epoch: () => keeper.roster.epoch,
    superseded: superseded.resolve,
    log,
  });
  closing.add(() => mesh.mesh.close());
  const views = openViews({ store, mesh: mesh.mesh, tools, json: options.jsonViews ?? false, isAgent });
  closing.add(() => views.close());
  const followed = new FollowedRules({ state, store, key, roster: () => keeper.roster, log, now: Date.now });
  closing.add(() => followed.close());
  await followed.start();
  const inForce = options.autoApprove === true ? allowOnly(localOperator(state), keeper.roster, Date.now()) : null;
  const hub: Hub = {
    store,
    site,
    get roster() {
      return keeper.roster;
    },
    key,
    // Followed: what is vetted from now on is vetted by the rules as they stand.
    get policy() {
      return rules.policy;
    },
    playbooks: thinking.playbooks,
    correlation: { rules: readCorrelationRules(state.correlate), services: readServiceMap(state.services) },
    reasoners: thinking.all,
    thoughts: new Thoughts(),
    mesh: mesh.mesh,
    tools,
    views,
    live,
    automation: { inForce, held: () => followed.held, uptime: () => uptime() * 1_000 },
    delivered: new Map(),
    probes: new Probes(),
    upgrades: new Upgrades(join(state.hub, 'upgrade')),
    log,
    now: Date.now,
  };
  return { hub, keeper, thinking, followed, opened, mesh, wanted, superseded: superseded.promise };
}

/** Takes up what an earlier hub left, then lets agents and operators in. */
async function run(options: HubOptions, parts: Parts, closing: Closing): Promise<RunningHub> {
  const { state, outside } = options;
  const { hub, keeper, thinking, mesh: opened } = parts;
  const { store, mesh, log } = hub;
  const driver = new Driver(hub);
  let isOver = false;
  void parts.superseded.then(() => {
    isOver = true;
  });
  const checkpoints = new Checkpoints(hub, openedPlaces(state, log), () => isOver);
  // After everything that writes to the chain has ended.
  closing.add(() => checkpoints.end());
  const notifier = openedNotifier(state, hub);
  closing.add(() => notifier.stop());
  closing.add(() => driver.stop());
  const presence = new HubPresence(hub, {
    reasoner: namesOf(thinking),
    address: outside === undefined ? `${mesh.host}:${mesh.port}` : outside.url,
    ...reachedBy(parts),
  });
  await presence.begin();
  await noteRoster(store, keeper, 'site-root', hub.now());
  if (outside === undefined) writeDurably(state.hubPort, `${mesh.port}\n`);
  await mesh.publish(hubTopic('site'), keeper.message, { retain: true });
  await presence.say('online');
  closing.add(() => presence.end());
  const announcements = new Announcements(hub, checkpoints);
  const intake = new Intake(hub, driver);
  closing.add(() => intake.stop());
  const webhooks = options.webhooks && (await openedWebhooks(state, options.webhooks, parts, intake));
  if (webhooks !== undefined) closing.add(() => webhooks.door.close());
  const metrics =
    options.metrics && (await openedMetrics(state, options.metrics, parts, { intake, presence, notifier, webhooks }));
  if (metrics !== undefined) closing.add(() => metrics.close());
  const enrolling = await letOthersIn(options.tls, parts, (tls) => {
    metrics?.renewTls(tls);
    webhooks?.door.renewTls(tls);
  });
  await announcements.start();
  await checkpoints.start();
  const teller = new RosterTeller(mesh, log);
  closing.add(() => teller.stop());
  const installRoster = async (message: Uint8Array, by: string) => {
    keeper.install(message);
    // At once: what is signed from now on may be signed with another key, and is believed by who has heard of that.
    const told = teller.tell(message);
    try {
      await noteRoster(store, keeper, by, hub.now());
      await told;
      // Who has left it takes the rules of the file along.
      await parts.followed.reload();
    } finally {
      // What waits under an approval whose signer is gone need not wait.
      driver.resume();
    }
    log.info('a new roster is in force', { version: keeper.roster.version, epoch: keeper.roster.epoch });
  };
  const admin = { enrolling, installRoster, announcements, resume: () => void driver.resume() };
  closing.add(await serveActs(hub, driver, state.actSocket, admin));
  const resumed = driver.resume();
  const silent = new SilentAgents(hub, (event) => intake.take(event));
  silent.start();
  closing.add(() => silent.stop());
  hub.upgrades?.start(hub);
  closing.add(() => hub.upgrades?.stop());
  opened.attach(intake, new RequestServer(hub, driver, hub.tools));
  hub.views?.sayAll();
  if (outside !== undefined) sayGoodbye(presence, () => isOver, closing);
  closing.add(checkChain(hub));
  closing.add(tidy(hub, options.retention ?? DEFAULT_RETENTION));
  if (options.model !== undefined) {
    // A large file takes minutes to load: until it has, rules answer alone.
    void openModel(options.model, thinking, log, askHost(hub, driver)).then(async (model) => {
      if (model === null) return;
      thinking.all.unshift(model);
      await presence.reasonsWith(namesOf(thinking));
      log.info('the model is ready', { reasoner: presence.reasoner });
    });
  }
  const { host, port } = mesh;
  const { wanted, superseded } = parts;
  const close = () => closing.close();
  // Somebody else's broker that is away comes back without this hub being started again.
  const isAlive = () => opened.local === null || opened.trouble() === null;
  return { host, port, wanted, reasoner: presence.reasoner, resumed, superseded, isAlive, close };
}

/** On a broker of others the word of a hub that ends stays; who has taken over is there, whatever this one says. */
function sayGoodbye(presence: HubPresence, isOver: () => boolean, closing: Closing): void {
  closing.add(async () => {
    if (!isOver()) await presence.say('stopped');
  });
}

function lastPort(state: StateFolder): number | undefined {
  if (!existsSync(state.hubPort)) return undefined;
  const port = Number(readFileSync(state.hubPort, 'utf8').trim());
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}
