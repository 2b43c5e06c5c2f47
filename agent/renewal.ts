import { X509Certificate } from 'node:crypto';
import type { Log } from '../broker/log.ts';
import type { StateFolder } from '../broker/state-folder.ts';
import { type Joined, readJoined } from './identity.ts';
import { renew } from './join.ts';

/** Looked at once in so long, and tried again as often while the hub can't be reached. */
const LOOK_MS = 3_600_000;
/** Renewed in its last third: a hub may be away for a month of a certificate of 90 days. */
const LAST_PART = 3;

/** Keeps a joined agent's certificate good. */
export class Renewal {
  private readonly state: StateFolder;
  private readonly log: Log;
  private readonly renewed: (joined: Joined) => void;
  private timer: NodeJS.Timeout | undefined;

  /** `renewed` hears of each new certificate, which is on the disk by then. */
  constructor(state: StateFolder, log: Log, renewed: (joined: Joined) => void) {
    this.state = state;
    this.log = log;
    this.renewed = renewed;
  }

  /** Looks now and every hour. An agent that has not joined has nothing to renew. */
  start(): void {
    void this.look(Date.now());
    this.timer = setInterval(() => void this.look(Date.now()), LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Renews when it is time; resolves true when there is a new certificate. Failing is said, and is no end. */
  async look(now: number): Promise<boolean> {
    const joined = readJoined(this.state);
    if (joined === null || !isDue(joined.certificate, now)) return false;
    try {
      this.renewed(await renew(this.state, joined));
      return true;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_RENEW';
      this.log.warn('the certificate was not renewed', { code, why: String(error) });
      return false;
    }
  }
}

function isDue(pem: string, now: number): boolean {
  const { validFrom, validTo } = new X509Certificate(pem);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return now > to - (to - from) / LAST_PART;
}
