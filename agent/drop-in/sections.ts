import { certificatesSection, type WatchedCertificates } from './certificates.ts';
import { databasesSection, type WatchedDatabase } from './databases.ts';
import { type Deadband, deadbandSection } from './deadband.ts';
import { endpointsSection, type WatchedEndpoint } from './endpoints.ts';
import { foldersSection, type WatchedFolder } from './folders.ts';
import { groupsSection, type WatchedGroup } from './groups.ts';
import { logsSection, type WatchedLog } from './logs.ts';
import type { Section } from './section.ts';
import { type SenseSwitches, sensesSection } from './senses.ts';
import { type StatsdSettings, statsdSection } from './statsd.ts';
import { tagsSection } from './tags.ts';
import { unitsSection, type WatchedUnits } from './units.ts';

/** All that a site may declare, a field for each section. */
export interface DropIn {
  readonly certificates: readonly WatchedCertificates[];
  readonly databases: readonly WatchedDatabase[];
  readonly endpoints: readonly WatchedEndpoint[];
  readonly statsd: StatsdSettings;
  readonly groups: readonly WatchedGroup[];
  readonly folders: readonly WatchedFolder[];
  readonly logs: readonly WatchedLog[];
  readonly senses: SenseSwitches;
  readonly tags: readonly string[];
  readonly units: WatchedUnits;
  readonly deadband: readonly Deadband[];
}

/** Does the same to every section: a new one is a line here, a field above, and a file of its own. */
export function eachSection(act: <T>(section: Section<T>, pick: (dropIn: DropIn) => T) => T): DropIn {
  return {
    certificates: act(certificatesSection, ({ certificates }) => certificates),
    databases: act(databasesSection, ({ databases }) => databases),
    endpoints: act(endpointsSection, ({ endpoints }) => endpoints),
    statsd: act(statsdSection, ({ statsd }) => statsd),
    groups: act(groupsSection, ({ groups }) => groups),
    folders: act(foldersSection, ({ folders }) => folders),
    logs: act(logsSection, ({ logs }) => logs),
    senses: act(sensesSection, ({ senses }) => senses),
    tags: act(tagsSection, ({ tags }) => tags),
    units: act(unitsSection, ({ units }) => units),
    deadband: act(deadbandSection, ({ deadband }) => deadband),
  };
}

/** What no file at all says. */
export const NOTHING: DropIn = eachSection(({ none }) => none);
