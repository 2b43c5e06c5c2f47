import { existsSync } from 'node:fs';
import { type Enrolled, keyFile, reachedAt } from '../broker/enroll.ts';
import type { Log } from '../broker/log.ts';
import type { StateFolder } from '../broker/state-folder.ts';
import type { TlsMaterial } from '../broker/tls-listener.ts';
import type { Admin } from './acts/admin.ts';
import type { HttpDoor } from './http/door.ts';
import type { Hub } from './hub.ts';
import type { HubPresence } from './hub-presence.ts';
import type { Intake } from './mesh/intake.ts';
import type { HubMesh } from './mesh/mesh.ts';
import { type MetricsDoor, openMetrics } from './metrics/open-metrics.ts';
import { readChannels } from './notify/channels.ts';
import { Notifier } from './notify/notifier.ts';
import type { OpenEnrollment } from './site/open-enrollment.ts';
import type { RosterKeeper } from './site/roster-keeper.ts';
import type { Store } from './store/store.ts';
import { readHostMap } from './webhooks/hosts.ts';
import { AlertIntake } from './webhooks/intake.ts';
import { openWebhooks, type WebhookDoor } from './webhooks/open-webhooks.ts';

/** What every door of the hub leads to. */
export interface DoorParts {
  readonly hub: Hub;
  readonly mesh: HubMesh;
  /** Null on a site without a CA. */
  readonly opened: OpenEnrollment | null;
}

/** Loaded only where there is a CA: the X.509 library is large, and a site of one host does without it. */
export async function openedEnrollment(parts: {
  readonly state: StateFolder;
  readonly site: Hub['site'];
  readonly agents: Map<string, Enrolled>;
  readonly store: Store;
  readonly keeper: RosterKeeper;
  readonly log: Log;
}): Promise<OpenEnrollment | null> {
  if (!existsSync(keyFile.siteCa(parts.state))) return null;
  return (await import('./site/open-enrollment.ts')).openEnrollment(parts);
}

/**
 * Opens the doors for other hosts, where this site has them; null where it is of one host. `renewTls` hears of the hub's
 * own new certificate.
 */
export async function letOthersIn(
  tls: { readonly host?: string; readonly enrollPort: number } | undefined,
  { hub, opened, mesh }: DoorParts,
  renewTls: (tls: TlsMaterial) => void,
): Promise<Admin['enrolling']> {
  const { local: broker } = mesh;
  if (opened === null || tls === undefined || broker === null || broker.tlsPort === null) return null;
  opened.onChange({
    agent: (agent, enrolled) => broker.admit(agent, enrolled),
    tls: (tls) => {
      broker.renewTls(tls);
      renewTls(tls);
    },
  });
  const { host, enrollPort } = tls;
  const at = await opened.listen(host, enrollPort, broker.tlsPort);
  hub.log.info('other hosts connect and enrol', { tls_port: broker.tlsPort, enrol_at: at });
  return { enrollment: opened.enrollment, at };
}

/** Where other hosts reach the broker: at the first of the site's addresses. Nothing where they don't. */
export function reachedBy({ hub, mesh }: Pick<DoorParts, 'hub' | 'mesh'>): { readonly tls?: string } {
  const port = mesh.local?.tlsPort ?? null;
  return port === null ? {} : { tls: `mqtts://${reachedAt(hub.site, port)}` };
}

/** Begins to tell the channels of `notify.yaml`; without one it does nothing. Throws ConfigError. */
export function openedNotifier(state: StateFolder, hub: Hub): Notifier {
  const channels = readChannels(state.notify);
  const notifier = new Notifier(hub, channels);
  if (channels.length > 0) {
    notifier.start();
    hub.log.info('incidents are told to', {
      channels: channels.map(({ name, route }) => `${name} (${route.url.host})`).join(', '),
    });
  }
  return notifier;
}

/** Where other systems bring alerts, and what was brought. */
export interface OpenedWebhooks {
  readonly door: HttpDoor;
  readonly alerts: AlertIntake;
}

/** Opens the door for other systems' alerts. Throws ConfigError for `webhooks.yaml`, HttpDoorError for the address. */
export async function openedWebhooks(
  state: StateFolder,
  at: WebhookDoor,
  { hub, opened }: DoorParts,
  intake: Intake,
): Promise<OpenedWebhooks> {
  const { store, site, now, log } = hub;
  const alerts = new AlertIntake({
    store,
    hosts: readHostMap(state.webhooks),
    isAgent: (id) => site.agents.has(id),
    take: (event, handled) => intake.take(event, handled),
    now,
  });
  return { alerts, door: await openWebhooks({ door: at, intake: alerts, tls: opened?.tls ?? null, log }) };
}

/** Opens the door of `/metrics` and `/healthz`. */
export function openedMetrics(
  state: StateFolder,
  door: MetricsDoor,
  { hub, mesh, opened }: DoorParts,
  {
    intake,
    presence,
    notifier,
    webhooks,
  }: {
    readonly intake: Intake;
    readonly presence: HubPresence;
    readonly notifier: Notifier;
    readonly webhooks: OpenedWebhooks | undefined;
  },
): Promise<HttpDoor> {
  const sources = {
    hub,
    folder: state.store,
    started: hub.now(),
    reasoner: () => presence.reasoner,
    dropped: intake.dropped,
    broker: mesh.health,
    notices: () => notifier.counts(),
    ...(webhooks === undefined
      ? {}
      : { alerts: () => ({ counts: webhooks.alerts.counts, refused: webhooks.door.refused }) }),
  };
  const health = { store: hub.store, mesh: mesh.trouble };
  return openMetrics({ door, sources, health, tls: opened?.tls ?? null, log: hub.log });
}
