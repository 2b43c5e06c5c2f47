import { readFileSync } from 'node:fs';
import { type Enrolled, keyFile, reachedAt, type Site } from '../../broker/enroll.ts';
import type { Log } from '../../broker/log.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import type { TlsMaterial } from '../../broker/tls-listener.ts';
import type { Store } from '../store/store.ts';
import { openDoor } from './enroll-door.ts';
import { Enrollment } from './enrollment.ts';
import type { RosterKeeper } from './roster-keeper.ts';
import { openSiteCa, serverTls } from './server-tls.ts';

/** The hub's own certificate is looked at so often; it is made anew months before it ends. */
const LOOK_MS = 3_600_000;

export interface EnrollmentParts {
  readonly state: StateFolder;
  readonly site: Site;
  /** The agents that may speak; who has been enrolled joins them. */
  readonly agents: Map<string, Enrolled>;
  readonly store: Store;
  readonly keeper: RosterKeeper;
  readonly log: Log;
}

/** Where other hosts are let in, and what the broker needs for its own TLS listener. */
export interface OpenEnrollment {
  readonly enrollment: Enrollment;
  readonly tls: TlsMaterial;
  /** Hears of agents whose certificates changed (null: none is good any more), and of the hub's own new certificate. */
  onChange(listener: {
    readonly agent: (agent: string, enrolled: Enrolled | null) => void;
    readonly tls: (tls: TlsMaterial) => void;
  }): void;
  /** Opens the door for hosts that join and agents that renew; answers HOST:PORT under which they find it. */
  listen(host: string | undefined, port: number, brokerPort: number): Promise<string>;
  close(): Promise<void>;
}

/** Enrolment of a site that has a CA; null for a site of one host. Throws StateError when its files can't be read. */
export async function openEnrollment(parts: EnrollmentParts): Promise<OpenEnrollment | null> {
  const { state, site, agents, store, keeper, log } = parts;
  const ca = await openSiteCa(state);
  if (ca === null) return null;
  const macSecret = new Uint8Array(Buffer.from(readFileSync(keyFile.macSecret(state), 'utf8').trim(), 'hex'));
  let tls = await serverTls(state, site, ca, Date.now());
  let heard: Parameters<OpenEnrollment['onChange']>[0] | null = null;
  const closing: (() => Promise<void> | void)[] = [];
  const enrollment = new Enrollment({
    store,
    site,
    agents,
    ca,
    macSecret,
    key: keeper.key,
    now: Date.now,
    changed: (agent, enrolled) => heard?.agent(agent, enrolled),
  });
  return {
    enrollment,
    tls,
    onChange: (listener) => {
      heard = listener;
    },
    listen: async (host, port, brokerPort) => {
      const door = await openDoor({ host, port, tls, enrollment, roster: () => keeper.message, brokerPort });
      const look = async () => {
        const next = await serverTls(state, site, ca, Date.now());
        if (next.cert === tls.cert) return;
        tls = next;
        door.renewTls(next);
        heard?.tls(next);
        log.info('has a new server certificate');
      };
      const failed = (error: unknown) => log.error('the server certificate was not renewed', { why: String(error) });
      const timer = setInterval(() => void look().catch(failed), LOOK_MS);
      timer.unref();
      closing.push(
        () => clearInterval(timer),
        () => door.close(),
      );
      return reachedAt(site, door.port);
    },
    close: async () => {
      for (const end of closing) await end();
    },
  };
}
