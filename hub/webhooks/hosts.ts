import { isIP } from 'node:net';
import { z } from 'zod';
import { strangerName } from '../../broker/subject.ts';
import { idFromHostname } from '../../broker/topics.ts';
import { readConfigFile } from '../config-file.ts';
import type { Alert } from './alert.ts';

/** In this order: an exporter's own word for its host before the address that it was scraped at. */
const HOST_LABELS = ['host', 'hostname', 'nodename', 'node', 'instance'];

const file = z.strictObject({
  version: z.literal(1, 'write "version: 1"'),
  /** Labels that may name the host, the first that an alert has. */
  host_labels: z.array(z.string().min(1).max(96)).min(1).max(16).default(HOST_LABELS),
  /** What such a label holds -> the agent on that host. */
  hosts: z
    .record(
      z.string().min(1).max(253),
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/, 'write an agent’s id: a-z, 0-9, -'),
    )
    .default({}),
});

/** What `webhooks.yaml` says of whose alerts are whose. */
export type HostMap = z.infer<typeof file>;

export const DEFAULT_HOSTS: HostMap = file.parse({ version: 1 });

/** Reads `webhooks.yaml`; an absent file gives the defaults. Throws ConfigError. */
export function readHostMap(path: string): HostMap {
  return readConfigFile(path, file, DEFAULT_HOSTS);
}

/**
 * Whom an alert is about: the agent that the site's file names, or whose id is the host's name, whole or without its
 * domain; else a stranger, whom no order can be addressed to.
 */
export function subjectOf({ labels, fingerprint }: Alert, map: HostMap, isAgent: (id: string) => boolean): string {
  const label = map.host_labels.find((name) => Object.hasOwn(labels, name) && labels[name] !== '');
  const said = label === undefined ? undefined : labels[label];
  if (said === undefined) return strangerName(labels['job'] ?? labels['alertname'] ?? fingerprint);
  const host = hostIn(said);
  for (const name of [said, host]) {
    const mapped = Object.hasOwn(map.hosts, name) ? map.hosts[name] : undefined;
    if (mapped !== undefined && isAgent(mapped)) return mapped;
  }
  // The parts of an address are no names.
  const names = isIP(host) === 0 ? [host, host.split('.', 1)[0] ?? ''] : [];
  return names.flatMap(agentNamed).find(isAgent) ?? strangerName(host);
}

/** The agent's id that a host's name gives; none for a name that gives one only by being cut, or by having none. */
function agentNamed(name: string): readonly string[] {
  const id = idFromHostname(name);
  return id === name.toLowerCase().replace(/[^a-z0-9]+/g, '-') ? [id] : [];
}

/** `https://web-1.plant.lan:9100/metrics`, `web-1:9100`, `[fe80::1]:9100`: the host of it. */
function hostIn(said: string): string {
  const [authority = ''] = said.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').split('/', 1);
  const place = authority.slice(authority.lastIndexOf('@') + 1);
  const [, six] = /^\[([^\]]+)\]/.exec(place) ?? [];
  if (six !== undefined) return six;
  return isIP(place) === 6 ? place : place.replace(/:\d{1,5}$/, '');
}
