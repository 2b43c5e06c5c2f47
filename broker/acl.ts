import { type AgentChannel, agentTopic, hubTopic, parseAgentTopic } from './topics.ts';

/** What an agent hears: its own orders and acknowledgements, and what the hub tells all. */
const HEARS: readonly AgentChannel[] = ['c', 'ack'];

/** An agent publishes under its own name only, and retains nothing but its birth and its state. */
export function mayPublish(identity: string, topic: string, retain: boolean): boolean {
  const parsed = parseAgentTopic(topic);
  if (parsed === null || parsed.agent !== identity) return false;
  return !retain || parsed.channel === 'b' || parsed.channel === 'st';
}

/** Exact topics only: an agent has no use for a wildcard, and with one it could read its neighbours. */
export function maySubscribe(identity: string, topic: string): boolean {
  return (
    HEARS.some((channel) => agentTopic(identity, channel) === topic) ||
    topic === hubTopic('st') ||
    topic === hubTopic('site') ||
    topic === hubTopic('ckpt')
  );
}
