import type { Site } from '../broker/enroll.ts';
import type { KeyPair } from '../broker/keys.ts';
import type { Log } from '../broker/log.ts';
import type { Mesh } from '../broker/mesh.ts';
import type { Roster } from '../broker/messages.ts';
import type { Policy } from '../policy/policy.ts';
import type { RuleInForce } from './automation/allow-only.ts';
import type { HeldRules } from './automation/signed-rules.ts';
import type { Correlation } from './correlate/decide.ts';
import type { Playbook } from './playbook/playbook.ts';
import type { Probes } from './probes.ts';
import type { Reasoner } from './reason/reasoner.ts';
import type { Thoughts } from './reason/thoughts.ts';
import type { Store } from './store/store.ts';
import type { Tools } from './tools/tools.ts';
import type { Views } from './tools/views.ts';
import type { Upgrades } from './upgrade/upgrades.ts';

/** How long things may take: one table, each with its reason. */
export const TIMES = {
  /** A proposal older than this was made for a host that has changed since. */
  proposal: 30 * 60_000,
  /** For the person whom an incident waits for to take it on, before the next one is asked. */
  answer: 10 * 60_000,
  /** An approval is for now: long enough to reach an agent on a slow link. */
  approval: 5 * 60_000,
  /** The first of two approvals: the second person has to be found, and has to read as much. */
  first: 15 * 60_000,
  /** All reasoners together, per incident: an operator should not wait longer for a cause. */
  reasoning: 30_000,
  /** For another plan on the same host to end, where the playbook does not say. */
  line: 60_000,
  /** One command, in seconds, as the agent enforces it. */
  command: 30,
  /** After an order was sent and nothing came back: the agent may have died in the middle. */
  silence: 10 * 60_000,
  /** The metric counts as back when it was healthy for so many samples in a row. */
  healthySamples: 3,
  /** Raw telemetry kept for sparklines and verification. */
  samples: 2 * 3_600_000,
} as const;

/** The rule under which plans run with nobody there, and the time that budgets are counted by. */
export interface Automation {
  readonly inForce: RuleInForce | null;
  /** The rules of `automation.yaml`, as they stand by now; absent where none are followed. */
  readonly held?: () => HeldRules;
  /** Milliseconds for which the machine has been up: no clock that is set changes it. */
  readonly uptime: () => number;
}

/** What every step of the pipeline may use. Time and the mesh are passed in, so that a step is a function of these. */
export interface Hub {
  readonly store: Store;
  readonly site: Site;
  /** In force now: it changes while the hub runs, and so may the order key that it names. */
  readonly roster: Roster;
  readonly key: KeyPair;
  readonly policy: Policy;
  readonly playbooks: ReadonlyMap<string, Playbook>;
  /** How events become incidents here, and what the site says of its services. */
  readonly correlation: Correlation;
  readonly reasoners: readonly Reasoner[];
  /** What they think now, for who looks on. */
  readonly thoughts: Thoughts;
  readonly mesh: Mesh;
  readonly tools: Tools;
  /** What is said to who listens from outside; absent where nobody can. */
  readonly views?: Views;
  /** Orders change hosts only when this and the agent's own flag are both set (invariant 7). */
  readonly live: boolean;
  /** When plans may run with nobody there: never, while no rule is in force. */
  readonly automation: Automation;
  /** Orders given to the mesh since their agent last connected, with that agent: anything else is sent again. */
  readonly delivered: Map<string, string>;
  /** Read-only questions to agents. */
  readonly probes: Probes;
  /** Other versions for agents; absent where none are brought. */
  readonly upgrades?: Upgrades;
  readonly log: Log;
  readonly now: () => number;
}
