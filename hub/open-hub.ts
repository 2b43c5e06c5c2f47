import { existsSync, readFileSync } from 'node:fs';
import { writeDurably } from '../broker/durable-file.ts';
import { keyFile, readSite } from '../broker/enroll.ts';
import type { Log } from '../broker/log.ts';
import { DEFAULT_PORT } from '../broker/mesh.ts';
import { hubKeys } from '../broker/roster.ts';
import { claim, prepareFolder, type StateFolder } from '../broker/state-folder.ts';
import { hubTopic } from '../broker/topics.ts';
import { type PolicyChange, watchPolicy } from '../policy/watch-policy.ts';
import { serveActs } from './act-server.ts';
import type { Admin } from './admin-acts.ts';
import { appendAudit, verifyAuditTail } from './audit.ts';
import { checkChain, START_RECORDS } from './chain-check.ts';
import { readCorrelationRules } from './correlate/rules.ts';
import { readServiceMap } from './correlate/service-map.ts';
import { Announcements } from './halts.ts';
import type { Hub } from './hub.ts';
import { type OutsideBroker, openHubMesh } from './hub-mesh.ts';
import { Intake } from './intake.ts';
import { Driver } from './pipeline.ts';
import { loadPlaybooks } from './playbook.ts';
import { Probes } from './probes.ts';
import { openLlamaReasoner } from './reason/llama.ts';
import type { Reasoner } from './reason/reasoner.ts';
import { RulesReasoner } from './reason/rules.ts';
import { RequestServer } from './request-server.ts';
import { noteRoster, RosterKeeper } from './roster-keeper.ts';
import { SilentAgents } from './silent-agents.ts';
import { getIncident } from './store/incidents.ts';
import { type HubStatus, Store } from './store/store.ts';
import { hubState } from './takeover.ts';
import { Tools } from './tools.ts';
import { Views } from './views.ts';

/** A model thinks on one thread: on a busy small machine two are slower than one, by a thousand times at worst. */
const MODEL_THREADS = 1;
/** One model's answer; shorter than the reasoners' common deadline, so that its failure is still its own. */
const MODEL_DEADLINE_MS = 25_000;

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
  /** A GGUF file; absent: rules alone. */
  readonly model?: string;
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
  close(): Promise<void>;
}

/** Opens everything a hub is made of, lowest floor first; throws coded errors that say what to do. */
export async function openHub(options: HubOptions): Promise<RunningHub> {
  const { state, log, live } = options;
  prepareFolder(state);
  const release = claim(state.hub, 'a hub');
  const closing: (() => Promise<unknown> | unknown)[] = [release];
  const close = async () => {
    for (const end of closing.toReversed()) await end();
  };
  try {
    const local = readSite(state);
    // Grows and shrinks with enrolment, and everything in the hub looks at this one table.
    const agents = new Map(local.agents);
    const site = { ...local, agents };
    const keeper = new RosterKeeper(state, site);
    const { key } = keeper;
    const store = new Store(state.store, 'write');
    closing.push(() => store.close());
    const policyChanged = async (change: PolicyChange) => {
      if ('error' in change) {
        log.error(`the rules stay as they were. ${change.error.message}`, { code: change.error.code });
        return;
      }
      log.info('the rules have changed', { policy: change.policy.hash.slice(0, 16) });
      const entry = { kind: 'policy.changed', incident: null, actor: 'hub', data: { policy: change.policy.hash } };
      await store.write(() => appendAudit(store, key, entry, Date.now())).catch((error) => log.error(String(error)));
    };
    const chain = verifyAuditTail(store, hubKeys(keeper.roster), START_RECORDS);
    if (!chain.ok) log.error(`audit record ${chain.record}: ${chain.why}. Run \`sentinel audit verify\`.`);
    const rules = await watchPolicy({ siteDir: state.policy }, (change) => void policyChanged(change));
    closing.push(() => rules.close());
    const { playbooks, errors } = loadPlaybooks({
      vet: (command) => rules.policy.check(command, null).decision,
      ...(existsSync(state.playbooks) ? { userDir: state.playbooks } : {}),
    });
    for (const error of errors) log.error(error.message);
    const codified = new RulesReasoner({ playbooks, tried: (id) => triedBefore(store, id) });
    const reasoners: Reasoner[] = [codified];
    closing.push(() => Promise.all(reasoners.map((one) => one.close())));

    // Loaded only where there is a CA: the X.509 library is large, and a site of one host does without it.
    const opened = existsSync(keyFile.siteCa(state))
      ? await (await import('./open-enrollment.ts')).openEnrollment({ state, site, agents, store, keeper, log })
      : null;
    if (opened !== null) closing.push(() => opened.close());
    const wanted = options.port ?? lastPort(state) ?? DEFAULT_PORT;
    const tools = new Tools({ store, key: () => key, now: Date.now, isAgent: (name) => agents.has(name) });
    const superseded = deferred<string>();
    const { outside } = options;
    const {
      mesh,
      local: broker,
      attach,
    } = await openHubMesh({
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
    closing.push(() => mesh.close());
    const views = new Views({
      store,
      mesh,
      json: options.jsonViews ?? false,
      isWanted: () => tools.all().length > 0,
      isAgent: (name) => agents.has(name),
      now: Date.now,
    });
    closing.push(() => views.close());
    let listeners = tools.all().length;
    tools.onChange(() => {
      views.sayAll();
      // With the first listener agents say their births once more: until then the broker has kept none.
      const isFirst = listeners === 0;
      listeners = tools.all().length;
      if (isFirst && listeners > 0) void mesh.publish(hubTopic('st'), hubState('online', Date.now()), { retain: true });
    });
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
      playbooks: new Map(playbooks.map((one) => [one.id, one])),
      correlation: { rules: readCorrelationRules(state.correlate), services: readServiceMap(state.services) },
      reasoners,
      mesh,
      tools,
      views,
      live,
      delivered: new Map(),
      probes: new Probes(),
      log,
      now: Date.now,
    };
    const driver = new Driver(hub);
    closing.push(() => driver.stop());
    let status: HubStatus = {
      site: site.name,
      pid: process.pid,
      started: hub.now(),
      live,
      reasoner: codified.name,
      address: outside === undefined ? `${mesh.host}:${mesh.port}` : outside.url,
      stopped: null,
    };
    const entry = {
      kind: 'hub.started',
      incident: null,
      actor: 'hub',
      data: { live, policy: rules.policy.hash },
    };
    await store.write(() => {
      void store.meta.put('hub', status);
      appendAudit(store, key, entry, hub.now());
    });
    await noteRoster(store, keeper, 'site-root', hub.now());
    if (outside === undefined) writeDurably(state.hubPort, `${mesh.port}\n`);
    await mesh.publish(hubTopic('site'), keeper.message, { retain: true });
    await mesh.publish(hubTopic('st'), hubState('online', hub.now()), { retain: true });
    closing.push(() => store.write(() => void store.meta.put('hub', { ...status, stopped: hub.now() })));
    const installRoster = async (message: Uint8Array, by: string) => {
      keeper.install(message);
      await noteRoster(store, keeper, by, hub.now());
      await mesh.publish(hubTopic('site'), message, { retain: true });
      log.info('a new roster is in force', { version: keeper.roster.version, epoch: keeper.roster.epoch });
    };
    let enrolling: Admin['enrolling'] = null;
    if (opened !== null && options.tls !== undefined && broker !== null && broker.tlsPort !== null) {
      opened.onChange({
        agent: (agent, enrolled) => broker.admit(agent, enrolled),
        tls: (tls) => broker.renewTls(tls),
      });
      const { host, enrollPort } = options.tls;
      enrolling = { enrollment: opened.enrollment, at: await opened.listen(host, enrollPort, broker.tlsPort) };
      log.info('other hosts connect and enrol', { tls_port: broker.tlsPort, enrol_at: enrolling.at });
    }
    const announcements = new Announcements(hub);
    await announcements.start();
    closing.push(() => announcements.stop());
    const resume = () => void driver.resume();
    const admin = { enrolling, installRoster, announcements, resume };
    closing.push(await serveActs(hub, driver, state.actSocket, admin));
    const resumed = driver.resume();
    const intake = new Intake(hub, driver);
    const silent = new SilentAgents(hub, (event) => intake.take(event));
    silent.start();
    closing.push(() => silent.stop());
    attach(intake, new RequestServer(hub, driver, tools));
    views.sayAll();
    if (outside !== undefined) {
      let isOver = false;
      void superseded.promise.then(() => {
        isOver = true;
      });
      // Who has taken over is there, whatever this one says of itself.
      closing.push(async () => {
        if (!isOver) await mesh.publish(hubTopic('st'), hubState('stopped', hub.now()), { retain: true });
      });
    }
    closing.push(checkChain(hub));
    if (options.model !== undefined) {
      // A large file takes minutes to load: until it has, rules answer alone.
      void openModel(options.model, log).then(async (model) => {
        if (model === null) return;
        reasoners.unshift(model);
        status = { ...status, reasoner: `${model.name} + ${codified.name}` };
        await store.write(() => void store.meta.put('hub', status));
        log.info('the model is ready', { reasoner: status.reasoner });
      });
    }
    const { host, port } = mesh;
    return { host, port, wanted, reasoner: status.reasoner, resumed, superseded: superseded.promise, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Playbooks that did not help: on this incident, and on earlier ones with the same fingerprint. */
function triedBefore(store: Store, id: string): readonly string[] {
  const incident = getIncident(store, id);
  const earlier = (incident?.evidence?.similar ?? [])
    .map((similar) => getIncident(store, similar.id))
    .filter((one) => one?.fingerprint === incident?.fingerprint);
  return [incident, ...earlier].flatMap((one) => one?.tried ?? []);
}

/** A model that does not load costs the model, not the hub. */
async function openModel(file: string, log: Log): Promise<Reasoner | null> {
  try {
    return await openLlamaReasoner({
      file,
      maxThreads: MODEL_THREADS,
      deadlineMs: MODEL_DEADLINE_MS,
      log: (message) => log.info(message),
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : '';
    log.error(`going on with rules alone. ${code}${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function lastPort(state: StateFolder): number | undefined {
  if (!existsSync(state.hubPort)) return undefined;
  const port = Number(readFileSync(state.hubPort, 'utf8').trim());
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** Node 20 has no Promise.withResolvers. */
function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
