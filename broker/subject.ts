import { ID } from './topics.ts';

/**
 * Whom an incident is about: an enrolled agent's host, a device that a gateway speaks for, or a host that only an alert
 * from outside has named. Only an agent's name is an id, so neither of the others can ever be taken for one: no topic,
 * approval or order has room for them.
 */
export const deviceName = (gateway: string, device: string): string => `${gateway}/${device}`;

/** Longest name of a stranger that is kept: a full DNS name. */
const STRANGER_MAX = 253;

/** A host without an agent, by what an alert calls it; whatever a name does not hold becomes a dash. */
export const strangerName = (host: string): string =>
  `outside:${host.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, STRANGER_MAX)}`;

/** Whether it names a host that an agent can act on. */
export const isAgentId = (subject: string): boolean => ID.test(subject);

/** The agent that senses for a subject: the agent itself, or a device's gateway; null where there is none. */
export function senserOf(subject: string): string | null {
  const [gateway = ''] = subject.split('/', 1);
  return ID.test(gateway) ? gateway : null;
}

const DEVICE_METRIC = /^device\.[^[]+\[([a-z0-9][a-z0-9-]{0,47})\]$/;

/** The device that a gateway's metric is of; null for a metric of the gateway's own host. */
export const deviceOfMetric = (metric: string): string | null => DEVICE_METRIC.exec(metric)?.[1] ?? null;
