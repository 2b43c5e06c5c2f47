import type { IncomingMessage } from 'node:http';
import type { Log } from '../../broker/log.ts';
import type { TlsMaterial } from '../../broker/tls-listener.ts';
import { type HttpAddress, type HttpAnswer, type HttpDoor, openHttpDoor } from '../http/door.ts';
import { EXPOSITION_TYPE, exposition } from './exposition.ts';
import { collect, type MetricSources } from './families.ts';
import { checkHealth, type HealthParts, healthAnswer } from './health.ts';

/** An answer is good for so long: however often somebody asks, the hub looks no more often than this. */
const METRICS_MS = 1_000;
/** A health check writes to the disk. */
const HEALTH_MS = 5_000;

/** Where `/metrics` and `/healthz` are served, and who may read them. */
export interface MetricsDoor extends HttpAddress {
  /** SHA-256 of the bearer token; null: none is asked for, which only loopback has. */
  readonly token: Uint8Array | null;
}

export interface OpenMetrics {
  readonly door: MetricsDoor;
  readonly sources: Omit<MetricSources, 'refused'>;
  readonly health: HealthParts;
  /** Null on a site without a CA. */
  readonly tls: TlsMaterial | null;
  readonly log: Log;
}

const TEXT = 'text/plain';

/** Serves `/metrics` (Prometheus' text format) and `/healthz` (200 or 503, with each check in JSON). */
export async function openMetrics({ door: at, sources, health, tls, log }: OpenMetrics): Promise<HttpDoor> {
  let door: HttpDoor | null = null;
  const metrics = remembered(METRICS_MS, async (): Promise<HttpAnswer> => {
    const families = await collect({ ...sources, refused: () => door?.refused ?? 0 });
    return { status: 200, type: EXPOSITION_TYPE, body: exposition(families) };
  });
  const healthz = remembered(HEALTH_MS, async (): Promise<HttpAnswer> => {
    const { ok, body } = healthAnswer(await checkHealth(health));
    return { status: ok ? 200 : 503, type: 'application/json', body };
  });
  const answer = async ({ method, url = '' }: IncomingMessage): Promise<HttpAnswer> => {
    const [path] = url.split('?', 1);
    if (path !== '/metrics' && path !== '/healthz') {
      return { status: 404, type: TEXT, body: 'there are /metrics and /healthz\n' };
    }
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 405, type: TEXT, body: 'only read\n', headers: { allow: 'GET, HEAD' } };
    }
    return path === '/metrics' ? metrics() : healthz();
  };
  const failed = (error: unknown) => log.error('metrics could not be read', { why: String(error) });
  const onLoopbackAlone = at.token === null;
  door = await openHttpDoor({ ...at, tls: onLoopbackAlone ? null : tls, answer, failed });
  log.info('metrics and health', { address: `${at.host}:${door.port}`, tls: !onLoopbackAlone && tls !== null });
  return door;
}

/** What `look` last answered, while that is new; those who ask meanwhile get the same. */
function remembered<T>(ms: number, look: () => Promise<T>): () => Promise<T> {
  let known: { readonly at: number; readonly answer: Promise<T> } | null = null;
  return () => {
    const now = performance.now();
    if (known === null || now - known.at >= ms) known = { at: now, answer: look() };
    return known.answer;
  };
}
