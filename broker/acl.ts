import { parseAgentTopic } from './topics.ts';

/** Who connects: an agent, a tool that only reads, or the hub itself where the broker is another program. */
export type MeshRole = 'agent' | 'tool' | 'hub';

/** Stands for the client's own name in a rule. */
export const SELF = '%self';

/** What a role hears and says, as MQTT filters. What no rule names is refused, for everybody. */
export interface MeshRules {
  readonly hears: readonly string[];
  readonly says: readonly string[];
  /** Which of those it may say retained. */
  readonly retains: readonly string[];
}

/**
 * The one table from which the embedded broker decides and the rules for other brokers are written. An agent hears exact
 * topics only: it has no use for a wildcard, and with one it could read its neighbours.
 */
export const MESH_RULES: Readonly<Record<MeshRole, MeshRules>> = {
  agent: {
    hears: [`s/1/${SELF}/c`, `s/1/${SELF}/ack`, 's/1/hub/st', 's/1/hub/site', 's/1/hub/ckpt', 's/1/hub/halt'],
    says: ['b', 'st', 'm', 'e', 'r'].map((channel) => `s/1/${SELF}/${channel}`),
    retains: [`s/1/${SELF}/b`, `s/1/${SELF}/st`],
  },
  tool: {
    hears: ['view/1/#', 'json/1/#', 's/1/+/b', 's/1/+/st', 's/1/+/m', 's/1/+/e', 's/1/hub/+', `hub/res/${SELF}/+`],
    says: [`hub/req/${SELF}/+`],
    retains: [],
  },
  hub: {
    hears: ['s/1/+/b', 's/1/+/st', 's/1/+/m', 's/1/+/e', 's/1/+/r', 's/1/hub/+', 'hub/req/+/+'],
    says: ['s/1/+/c', 's/1/+/ack', 's/1/hub/+', 'view/1/#', 'json/1/#', 'hub/res/+/+'],
    retains: ['s/1/hub/+', 'view/1/#', 'json/1/#'],
  },
};

/** A rule's filters for one client. */
export const filtersFor = (filters: readonly string[], identity: string): string[] =>
  filters.map((filter) => filter.replace(SELF, identity));

const channelsOf = (filters: readonly string[]): ReadonlySet<string> =>
  new Set(filters.map((filter) => filter.slice(filter.lastIndexOf('/') + 1)));
/** Looked up at every message: the agent's rules by the last level of the topic. */
const SAYS = channelsOf(MESH_RULES.agent.says);
const RETAINS = channelsOf(MESH_RULES.agent.retains);

/** An agent publishes under its own name only, and retains nothing but its birth and its state. */
export function mayPublish(identity: string, topic: string, retain: boolean): boolean {
  const parsed = parseAgentTopic(topic);
  if (parsed === null || parsed.agent !== identity) return false;
  return (retain ? RETAINS : SAYS).has(parsed.channel);
}

/** Whether an agent may hear this filter. */
export function maySubscribe(identity: string, topic: string): boolean {
  return filtersFor(MESH_RULES.agent.hears, identity).includes(topic);
}
