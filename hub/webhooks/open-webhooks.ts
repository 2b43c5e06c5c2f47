import type { IncomingMessage } from 'node:http';
import type { Log } from '../../broker/log.ts';
import type { TlsMaterial } from '../../broker/tls-listener.ts';
import { TokenBucket } from '../../broker/token-bucket.ts';
import { type HttpAddress, type HttpAnswer, type HttpDoor, isLoopback, openHttpDoor } from '../http/door.ts';
import { ALERT_LIMITS, AlertError, type AlertSource, readAlerts, SOURCES } from './alert.ts';
import type { AlertIntake } from './intake.ts';

/** What senders may cost the hub: one table, each with its reason. */
export const WEBHOOK_LIMITS = {
  /** An Alertmanager sends a request for each group that changed; a storm comes as many alerts in few requests. */
  requestsPerSecond: 20,
  requestsBurst: 100,
  /** Each alert is a transaction. What is over is refused as a whole, and the sender tries again. */
  alertsPerSecond: 200,
  alertsBurst: 5_000,
  /** Requests that are read or stored at a time; each may hold a body. */
  atOnce: 8,
} as const;

/** Where alerts are taken, and who may bring them: a token always, on loopback too, since everybody can post there. */
export interface WebhookDoor extends HttpAddress {
  /** SHA-256 of the bearer token. */
  readonly token: Uint8Array;
}

export interface OpenWebhooks {
  readonly door: WebhookDoor;
  readonly intake: AlertIntake;
  /** Null on a site without a CA: then only loopback is listened on. */
  readonly tls: TlsMaterial | null;
  readonly log: Log;
}

/** The path of each source. */
export const webhookPath = (source: AlertSource): string => `/webhook/${source}`;

/** Serves `POST /webhook/alertmanager` and `/webhook/grafana`. A `2xx` means that every alert is on the hub's disk. */
export async function openWebhooks({ door: at, intake, tls, log }: OpenWebhooks): Promise<HttpDoor> {
  const now = () => performance.now();
  const requests = new TokenBucket(WEBHOOK_LIMITS.requestsPerSecond, WEBHOOK_LIMITS.requestsBurst, now());
  const alerts = new TokenBucket(WEBHOOK_LIMITS.alertsPerSecond, WEBHOOK_LIMITS.alertsBurst, now());
  let underWay = 0;
  const take = async (source: AlertSource, request: IncomingMessage): Promise<HttpAnswer> => {
    const body = await bodyOf(request, ALERT_LIMITS.bodyBytes);
    if (body === null) return refusal(413, `E_WEBHOOK_SIZE: over ${ALERT_LIMITS.bodyBytes} bytes: set max_alerts`);
    const read = readAlerts(source, body);
    if (alerts.wait(now()) > 0) return busy('too many alerts');
    alerts.spend(read.alerts.length);
    const counts = await intake.receive(source, read);
    if (read.cut > 0) log.warn('a source left alerts out', { source, alerts: read.cut, way_out: 'raise max_alerts' });
    return { status: 200, type: 'application/json', body: JSON.stringify(counts) };
  };
  const answer = async (request: IncomingMessage): Promise<HttpAnswer> => {
    const [path] = (request.url ?? '').split('?', 1);
    const source = SOURCES.find((one) => webhookPath(one) === path);
    if (source === undefined) return refusal(404, `there are ${SOURCES.map(webhookPath).join(' and ')}`);
    if (request.method !== 'POST') return { ...refusal(405, 'alerts are posted'), headers: { allow: 'POST' } };
    if (underWay >= WEBHOOK_LIMITS.atOnce || !requests.take(now())) return busy('too many requests');
    underWay++;
    try {
      return await take(source, request);
    } catch (error) {
      if (error instanceof AlertError) return refusal(400, `${error.code}: ${error.message}`);
      throw error;
    } finally {
      underWay--;
    }
  };
  const failed = (error: unknown) => log.error('alerts could not be stored', { why: String(error) });
  const onLoopback = isLoopback(at.host);
  const door = await openHttpDoor({ ...at, tls: onLoopback ? null : tls, answer, failed });
  log.info('takes alerts', { address: `${at.host}:${door.port}`, tls: !onLoopback });
  return door;
}

const refusal = (status: number, why: string): HttpAnswer => ({ status, type: 'text/plain', body: `${why}\n` });

/** 503, not 429: every version of Alertmanager tries again after a 5xx. */
const busy = (why: string): HttpAnswer => ({
  ...refusal(503, `E_WEBHOOK_RATE: ${why}`),
  headers: { 'retry-after': '1' },
});

/** A request's body as text; null when it is larger than that, of which nothing is kept. */
async function bodyOf(request: IncomingMessage, most: number): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > most) return null;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > most) return null;
      chunks.push(chunk);
    }
  } catch {
    throw new AlertError('E_WEBHOOK_CUT', 'the sender hung up, or took too long');
  }
  return Buffer.concat(chunks).toString('utf8');
}
