import { connect, createServer } from 'node:net';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { DEFAULT_TLS_PORT } from '../../broker/join-protocol.ts';
import { within } from '../../broker/lifetime.ts';
import { DEFAULT_PORT } from '../../broker/mesh.ts';
import { hubKeys } from '../../broker/roster.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { socketAddress } from '../acts/socket-address.ts';
import { auditHead, readAudit, verifyAuditTail } from '../chain/audit.ts';
import { lastChainCheck } from '../chain/check.ts';
import type { HubStatus, Store } from '../store/store.ts';
import { lookAtCheckpoints } from './checkpoints.ts';
import { bad, type Finding, well } from './finding.ts';

const DAY_MS = 86_400_000;
/** Agents renew in the last third of 90 days: one that is nearer the end has not reached its hub for weeks. */
const AGENT_DAYS = 15;
/** Longer than any reboot or short cut of a link. */
const SILENT_MS = 300_000;
/** The newest records: what is looked at while somebody waits. The hub walks the whole chain at each start. */
const TAIL = 10_000;
/** A refusal comes at once; only a host that swallows packets, or one that is very busy, takes so long. */
const ANSWER_MS = 10_000;

const statusOf = (store: Store): HubStatus | undefined => store.meta.get('hub') as HubStatus | undefined;

/** Whether a hub answers on its local socket: not what it once wrote, but that it does now. */
export async function hubAnswers(state: StateFolder): Promise<boolean> {
  const { path, release } = socketAddress(state.actSocket);
  try {
    return await reached({ path });
  } finally {
    release();
  }
}

export function lookAtHub(store: Store, isUp: boolean): readonly Finding[] {
  const status = statusOf(store);
  if (status === undefined) return [bad('hub', 'no hub has run here', 'start one: sentinel hub')];
  const since = new Date(status.started).toISOString();
  if (isUp)
    return [well('hub', `runs since ${since}, ${status.live ? 'live' : 'dry run'}, reasoner ${status.reasoner}`)];
  if (status.stopped !== null) return [well('hub', `is stopped since ${new Date(status.stopped).toISOString()}`)];
  return [
    bad('hub', `was started ${since}, does not answer, and did not end by itself`, 'look at its log, and start it'),
  ];
}

/** Is the clock behind what was stored by it? A hub signs its time, and agents refuse one that goes back. */
export function lookAtClock(store: Store, now: number): readonly Finding[] {
  const { count } = auditHead(store);
  const newest = count === 0 ? undefined : store.audit.get(count);
  const ahead = newest === undefined ? 0 : readAudit(newest).ts - now;
  if (ahead <= 1_000) return [well('clock', new Date(now).toISOString())];
  const what = `is ${Math.round(ahead / 1_000)} s behind the newest record of the audit chain`;
  return [bad('clock', what, 'set the clock, and have it follow a source: chrony or systemd-timesyncd')];
}

/** The newest records, what the last walk has found, and whether checkpoints say the same. */
export function lookAtAudit(
  store: Store,
  state: StateFolder,
  at: { readonly isUp: boolean; readonly now: number },
): readonly Finding[] {
  const { roster } = readRoster(state, readSite(state));
  const keys = hubKeys(roster);
  const found = verifyAuditTail(store, keys, TAIL);
  const todo = 'sentinel audit verify; keep the store as it is, and compare with the agents’ audit.jsonl';
  if (!found.ok) return [bad('audit', `record ${found.record}: ${found.why}`, todo)];
  const last = lastChainCheck(store);
  if (last?.ok === false) return [bad('audit', `record ${last.record}: ${last.why}`, todo)];
  const whole = last === undefined ? 'never walked whole' : `walked whole ${new Date(last.at).toISOString()}`;
  const { count } = found.head;
  return [
    well('audit', `${count} records, the newest ${Math.min(TAIL, count)} good; ${whole}`),
    ...lookAtCheckpoints(store, state, { keys, ...at }),
  ];
}

/** Agents that are silent, older than this hub's own version, or about to be locked out. */
export function lookAtAgents(store: Store, version: string, now: number): readonly Finding[] {
  const found: Finding[] = [];
  let count = 0;
  for (const { key: agent, value } of store.presence.getRange({})) {
    count++;
    const silent = now - value.last_seen;
    if (value.state !== 'stopped' && silent > SILENT_MS) {
      const what = `${agent}: nothing heard for ${Math.round(silent / 60_000)} min`;
      found.push(bad('agents', what, `look at the host and at its agent: systemctl status sentinel-agent on ${agent}`));
    }
    const runs = store.births.get(agent)?.version;
    if (runs !== undefined && runs !== version) {
      found.push(bad('agents', `${agent} runs version ${runs}, this is ${version}`, `install ${version} on ${agent}`));
    }
  }
  for (const { key: agent, value } of store.enrolled.getRange({})) {
    if (value.revoked !== null) continue;
    const until = Math.max(0, ...value.certificates.map(({ not_after }) => not_after));
    const left = Math.floor((until - now) / DAY_MS);
    if (left >= AGENT_DAYS) continue;
    const what = left < 0 ? `${agent}: its certificate lapsed` : `${agent}: its certificate holds ${left} days`;
    found.push(bad('agents', what, `let it reach the hub, where it renews; once lapsed: sentinel enroll ${agent}`));
  }
  return found.length > 0 ? found : [well('agents', `${count} known, none silent, none old`)];
}

/** The broker where the hub says it is; while no hub runs, whether its port is free for the next one. */
export async function lookAtBroker(store: Store, isUp: boolean): Promise<readonly Finding[]> {
  const address = statusOf(store)?.address ?? `127.0.0.1:${DEFAULT_PORT}`;
  const isOutside = /^mqtts?:/.test(address);
  const to = endOf(isOutside ? address : `mqtt://${address}`);
  if (isUp || isOutside) {
    const found = (await reached(to))
      ? well('broker', `answers at ${address}`)
      : bad('broker', `does not answer at ${address}`, isOutside ? 'start it, or open its port' : 'restart the hub');
    return [found, ...(isUp ? await lookAtTlsPort(store) : [])];
  }
  if (await isFree(to)) return [well('ports', `${address} is free for the hub`)];
  const who = `find who listens: ss -ltnp 'sport = :${to.port}'; or sentinel hub --port N`;
  return [bad('ports', `${address} is taken`, who)];
}

/** Where other hosts reach a hub that runs; a hub that serves none has no such port. */
async function lookAtTlsPort(store: Store): Promise<readonly Finding[]> {
  const tls = statusOf(store)?.tls;
  if (tls === undefined) return [];
  const to = endOf(tls);
  // The address by which others come may be one that leads here only from outside.
  if ((await reached(to)) || (await reached({ ...to, host: '127.0.0.1' })))
    return [well('ports', `other hosts reach the broker at ${tls}`)];
  return [bad('ports', `nothing answers at ${tls}, where other hosts connect`, 'restart the hub; look at its log')];
}

function endOf(address: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(address);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'mqtts:' ? DEFAULT_TLS_PORT : DEFAULT_PORT),
  };
}

async function reached(
  to: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<boolean> {
  const socket = connect(to);
  let isReached = false;
  const tried = new Promise<void>((resolve) => {
    socket.once('connect', () => {
      isReached = true;
      resolve();
    });
    socket.once('error', () => resolve());
  });
  await within(ANSWER_MS, tried);
  socket.destroy();
  return isReached;
}

const isFree = ({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
