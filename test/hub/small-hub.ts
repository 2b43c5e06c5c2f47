import { signApproval } from '../../broker/approvals.ts';
import { openEmbedded } from '../../broker/embedded.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import { type Inbound, type MeshCounters, noCounters } from '../../broker/mesh.ts';
import type { Roster } from '../../broker/messages.ts';
import { ulid } from '../../broker/ulid.ts';
import { DEFAULT_RULES } from '../../hub/correlate/rules.ts';
import { ServiceMap } from '../../hub/correlate/service-map.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Incident, Plan, PlannedCommand } from '../../hub/incident.ts';
import { Commits } from '../../hub/mesh/commits.ts';
import { Ingest } from '../../hub/mesh/ingest.ts';
import { Intake } from '../../hub/mesh/intake.ts';
import { Telemetry } from '../../hub/mesh/telemetry.ts';
import { Driver } from '../../hub/pipeline.ts';
import { planHash } from '../../hub/plan-hash.ts';
import { Probes } from '../../hub/probes.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { Thoughts } from '../../hub/reason/thoughts.ts';
import { approvalOf } from '../../hub/steps/approve.ts';
import { commitIncident, getIncident } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import { Tools } from '../../hub/tools/tools.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { programHash } from '../../policy/program.ts';
import { program, event as sampleEvent } from '../broker/samples.ts';
import { enrolled, type TestAgent, tempFolder } from '../broker/site.ts';

export const keys = { ann: newKeyPair(), vic: newKeyPair(), eve: newKeyPair(), hub: newKeyPair(), root: newKeyPair() };

/** A hub of real parts but without playbooks: its store, its broker, its pipeline, in a folder of its own. */
export interface SmallHub {
  readonly hub: Hub;
  readonly driver: Driver;
  readonly intake: Intake;
  readonly port: number;
  readonly folder: string;
  readonly counters: MeshCounters;
  readonly log: string[];
  /** Awaited before each message is handled: what a slow disk would do. */
  hold: Promise<void>;
  close(): Promise<void>;
}

export async function openSmallHub(
  agents: readonly TestAgent[],
  change: Partial<Pick<Hub, 'now' | 'correlation' | 'automation' | 'playbooks' | 'reasoners'>> = {},
): Promise<SmallHub> {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  const roster: Roster = {
    site: 'local',
    version: 1,
    epoch: 1,
    hub_key: keys.hub.public,
    operators: [
      { name: 'ann', key: keys.ann.public, role: 'admin', scopes: [] },
      { name: 'vic', key: keys.vic.public, role: 'viewer', scopes: [] },
    ],
  };
  const counters = noCounters();
  const log: string[] = [];
  let receive: (message: Inbound) => Promise<void> = () => Promise.resolve();
  const mesh = await openEmbedded({
    host: '127.0.0.1',
    port: 0,
    agents: enrolled(agents),
    counters,
    onMessage: (message) => receive(message),
  });
  const hub: Hub = {
    store,
    site: { name: 'local', root: keys.root.public, agents: enrolled(agents), localOperator: 'ann', addresses: [] },
    roster,
    key: keys.hub,
    policy: await loadPolicy(),
    playbooks: new Map(),
    correlation: { rules: DEFAULT_RULES, services: new ServiceMap([]) },
    reasoners: [new RulesReasoner({ playbooks: [], tried: () => [] })],
    thoughts: new Thoughts(),
    mesh,
    tools: new Tools({ store, key: () => keys.hub, now: Date.now, isAgent: () => false }),
    live: true,
    automation: { inForce: null, uptime: () => performance.now() },
    delivered: new Map(),
    probes: new Probes(),
    log: lineLog('hub', (line) => log.push(line)),
    now: Date.now,
    ...change,
  };
  const driver = new Driver(hub);
  const intake = new Intake(hub, driver);
  const commits = new Commits(store);
  const telemetry = new Telemetry({ store, agents: hub.site.agents, now: hub.now, commits });
  const ingest = new Ingest(telemetry, (message) => intake.receive(message), {
    sampled: (stored) => intake.sampled(stored),
    broken: (stored) => intake.broken(stored),
    gap: () => {},
    dropped: (message, error) => intake.complain('dropped telemetry', message, error),
  });
  const small: SmallHub = {
    hub,
    driver,
    intake,
    port: mesh.port,
    folder: path,
    counters,
    log,
    hold: Promise.resolve(),
    close: async () => {
      await mesh.close();
      ingest.stop();
      await commits.settled();
      await driver.stop();
      await store.close();
      done();
    },
  };
  receive = async (message) => {
    await small.hold;
    await ingest.receive(message);
  };
  return small;
}

/** An incident that waits for a person, with a plan of one harmless step; `about` is what else is different in it. */
export async function proposeTo(
  hub: Hub,
  change: Partial<Plan> = {},
  about: Partial<Incident> = {},
): Promise<Incident> {
  const now = hub.now();
  const id = ulid(now);
  const verdict = {
    decision: 'allow' as const,
    rule: 'test',
    effect: 'read' as const,
    attributes: [],
    reason: 'it only reads',
    program,
    policy: hub.policy.hash,
  };
  const step: PlannedCommand = {
    phase: 'step',
    number: 1,
    command: 'df -h /var',
    explanation: 'look',
    program,
    hash: programHash(program),
    verdict,
  };
  const plan: Plan = {
    id: ulid(now),
    incident: id,
    by: 'rules',
    playbook: null,
    root_cause: 'a test',
    chain: [],
    risk: 'low',
    confidence: 0.9,
    alternatives: [],
    needs_human: false,
    pre: [],
    steps: [step],
    post: [],
    rollback: [],
    decision: 'allow',
    processes: [],
    verify_within: 1_000,
    idempotent: true,
    policy_hash: hub.policy.hash,
    expires: now + 60_000,
    ...change,
  };
  const incident: Incident = {
    id,
    state: 'proposed',
    reason: '',
    host: 'web-1',
    title: 'disk filling',
    severity: 'critical',
    fingerprint: `disk.space[${id}]`,
    event: sampleEvent,
    opened: now,
    updated: now,
    last_seen: now,
    repeats: 0,
    owner: 'ann',
    evidence: null,
    diagnoses: [],
    draft: null,
    plan,
    plan_hash: planHash(plan),
    approval: null,
    orders: [],
    results: [],
    tried: [],
    learned: false,
    timeline: [{ ts: now, state: 'open', by: 'web-1', note: 'a test' }],
    ...about,
  };
  const audit = { kind: 'test.proposed', incident: incident.id, actor: 'hub', data: {} };
  await commitIncident(hub.store, hub.key, incident, audit);
  const kept = getIncident(hub.store, incident.id);
  if (kept === undefined) throw new Error('the incident was not kept');
  return kept;
}

/** What an operator's client signs for this incident; `change` is what a hostile one would. */
export function approvalFor(hub: Hub, incident: Incident, change: object = {}, key = keys.ann) {
  if (incident.plan === null) throw new Error('no plan');
  const signer = {
    id: ulid(),
    site: 'local',
    by: 'ann',
    role: 'admin' as const,
    reviewed: [],
    not_after: hub.now() + 60_000,
  };
  return signApproval({ ...approvalOf(incident, incident.plan, signer), ...change }, key);
}
