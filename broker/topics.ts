/** The topic tree of docs/design.md section 6: every topic name that Sentinel publishes or reads is built here. */
const PROTOCOL = 1;

/** An identity is also one topic level, a certificate's CN and a file name: nothing that any of these could misread. */
export const ID = /^[a-z0-9][a-z0-9-]{0,47}$/;

/** What an agent says (birth, state, telemetry, event, result) and hears (order, stored-through). */
export type AgentChannel = 'b' | 'st' | 'm' | 'e' | 'r' | 'c' | 'ack';
/** What the hub says to all: its state, the roster, the audit checkpoint, and whether execution is halted. All retained. */
export type HubChannel = 'st' | 'site' | 'ckpt' | 'halt';

/** The hub's own name: no agent may take it. */
export const HUB_ID = 'hub';

export const agentTopic = (agent: string, channel: AgentChannel): string => `s/${PROTOCOL}/${agent}/${channel}`;
export const hubTopic = (channel: HubChannel): string => `s/${PROTOCOL}/${HUB_ID}/${channel}`;

const FROM_AGENT = new RegExp(`^s/${PROTOCOL}/([a-z0-9][a-z0-9-]{0,47})/(b|st|m|e|r)$`);

/** Reads a topic that an agent publishes on; null for every other topic. */
export function parseAgentTopic(topic: string): { agent: string; channel: AgentChannel } | null {
  const match = FROM_AGENT.exec(topic);
  const [, agent, channel] = match ?? [];
  if (agent === undefined || channel === undefined || agent === HUB_ID) return null;
  return { agent, channel: channel as AgentChannel };
}

const OF_AGENT = new RegExp(`^s/${PROTOCOL}/([a-z0-9][a-z0-9-]{0,47})/(b|st|m|e|r|c|ack)$`);

/** Reads a topic of an agent, whoever publishes on it; null for every other topic. */
export function parseAnyAgentTopic(topic: string): { agent: string; channel: AgentChannel } | null {
  const [, agent, channel] = OF_AGENT.exec(topic) ?? [];
  if (agent === undefined || channel === undefined || agent === HUB_ID) return null;
  return { agent, channel: channel as AgentChannel };
}

/** A host name as an agent id: lower case, anything unfit becomes a dash. */
export function idFromHostname(hostname: string): string {
  const id = hostname
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48)
    .replace(/-+$/, '');
  return id === '' || id === HUB_ID ? 'this-host' : id;
}
