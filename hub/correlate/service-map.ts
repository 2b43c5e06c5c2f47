import { z } from 'zod';
import { ID } from '../../broker/topics.ts';
import { ConfigError, readConfigFile } from '../config-file.ts';

const id = z.string().regex(ID, 'write lower-case letters, digits and dashes, at most 48');
const words = z.string().min(1).max(200);

const serviceFile = z.strictObject({
  version: z.literal(1, 'write "version: 1"'),
  services: z
    .array(
      z.strictObject({
        name: id,
        /** Hosts on which it runs: a switch or a storage box is a service of one host too. */
        hosts: z.array(id).max(1_000).default([]),
        /** Services without which it can't work. */
        depends_on: z.array(id).max(64).default([]),
        unit: words.optional(),
        owner: words.optional(),
        runbook: words.optional(),
      }),
    )
    .max(2_000)
    .default([]),
});

export type Service = z.infer<typeof serviceFile>['services'][number];

/** What a site says of its services: what runs where, what needs what, and whose it is. */
export class ServiceMap {
  readonly #services: ReadonlyMap<string, Service>;
  readonly #onHost = new Map<string, Service[]>();
  readonly #upstream = new Map<string, ReadonlySet<string>>();

  constructor(services: readonly Service[]) {
    this.#services = new Map(services.map((one) => [one.name, one]));
    for (const service of services) {
      for (const host of service.hosts) this.#onHost.set(host, [...(this.#onHost.get(host) ?? []), service]);
    }
  }

  /** The services of a host, in the order of the file. */
  on(host: string): readonly Service[] {
    return this.#onHost.get(host) ?? [];
  }

  /** Hosts on which something runs that this host's services need, over any number of steps; never the host itself. */
  upstreamOf(host: string): ReadonlySet<string> {
    const known = this.#upstream.get(host);
    if (known !== undefined) return known;
    const seen = new Set<string>();
    const hosts = new Set<string>();
    const waiting = this.on(host).flatMap(({ depends_on }) => depends_on);
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const service = this.#services.get(name);
      if (service === undefined || seen.has(name)) continue;
      seen.add(name);
      for (const one of service.hosts) hosts.add(one);
      waiting.push(...service.depends_on);
    }
    hosts.delete(host);
    this.#upstream.set(host, hosts);
    return hosts;
  }

  /** Hosts of the map whose services need something on this host, over any number of steps. */
  downstreamOf(host: string): readonly string[] {
    return [...this.#onHost.keys()].filter((one) => this.upstreamOf(one).has(host));
  }

  /** What evidence says of the host's services; empty where the map does not name it. */
  factsOf(host: string): Readonly<Record<string, string>> {
    const services = this.on(host);
    if (services.length === 0) return {};
    const [first] = services;
    const needs = [...new Set(services.flatMap(({ depends_on }) => depends_on))];
    return {
      services: services.map(({ name }) => name).join(', '),
      ...(needs.length === 0 ? {} : { 'depends on': needs.join(', ') }),
      ...(first?.unit === undefined ? {} : { unit: first.unit }),
      ...(first?.owner === undefined ? {} : { owner: first.owner }),
      ...(first?.runbook === undefined ? {} : { runbook: first.runbook }),
    };
  }
}

/** Reads `services.yaml`; an absent file is an empty map. Throws ConfigError. */
export function readServiceMap(file: string): ServiceMap {
  const { services } = readConfigFile(file, serviceFile, { version: 1, services: [] });
  const names = new Set(services.map(({ name }) => name));
  if (names.size !== services.length) throw new ConfigError(file, 1, 'two services have one name', 'rename one');
  for (const { name, depends_on } of services) {
    const unknown = depends_on.find((one) => !names.has(one));
    if (unknown !== undefined) {
      throw new ConfigError(file, 1, `${name} depends on ${unknown}, which is no service here`, 'add or correct it');
    }
  }
  return new ServiceMap(services);
}
