import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Framed } from '../../broker/framed.ts';
import type { Operator } from '../../broker/roster.ts';
import { covers } from '../../broker/scopes.ts';
import { AGENT_ANSWER_MS } from '../../broker/ssh-agent.ts';
import { NAMESPACES, sshVerify } from '../../broker/sshsig.ts';
import { forgetRemembered, keepRemembered } from '../automation/remembered.ts';
import { addSilence, removeSilence } from '../correlate/silences.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import type { Driver } from '../pipeline.ts';
import { acknowledge, cancel } from '../steps/acts.ts';
import { ActError, reject } from '../steps/approve.ts';
import { addHold, releaseHold } from '../store/holds.ts';
import { tagsOf } from '../store/hosts.ts';
import { getIncident } from '../store/incidents.ts';
import { isToolRequest, revokeTool, toolAct, toolRequest } from '../tools/acts.ts';
import { isUpgradeRequest, UpgradeDesk, upgradeRequest } from '../upgrade/acts.ts';
import { type Admin, adminAct, NO_ADMIN } from './admin.ts';
import { Looking } from './looking.ts';
import { challengeBytes, hello, type Request, type Response, request } from './protocol.ts';
import { refusal } from './refusal.ts';
import { checkHost, checkWholeSite } from './scope.ts';
import { acceptSigned, signedAct, takeSigned } from './signed-act.ts';
import { socketAddress } from './socket-address.ts';

/** A client that does not prove who it is within this is cut off: longer than a person has to touch a token or answer `ssh-add -c`. */
const HELLO_MS = AGENT_ANSWER_MS + 15_000;
/** Clients that have not proved who they are yet: past it the one that has waited longest is cut off. */
const STRANGERS_MAX = 64;

/** Serves operators on this machine. Returns what ends the service. */
export async function serveActs(
  hub: Hub,
  driver: Driver,
  path: string,
  admin: Admin = NO_ADMIN,
): Promise<() => Promise<void>> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const looking = new Looking();
  const upgrades = new UpgradeDesk();
  const strangers = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    greet({ hub, driver, admin, looking, strangers, upgrades }, socket);
  });
  const address = socketAddress(path);
  await new Promise<void>((resolve, fail) => {
    server.once('error', fail);
    server.listen(address.path, () => resolve());
  });
  server.on('error', () => {
    // One connection that could not be accepted (no descriptor left) must not end the hub.
  });
  chmodSync(path, 0o660);
  return async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    address.release();
  };
}

/** What acts are carried out with. */
interface Desk {
  readonly hub: Hub;
  readonly driver: Driver;
  readonly admin: Admin;
  readonly looking: Looking;
  readonly upgrades: UpgradeDesk;
  /** Who has not proved who they are, in the order in which they came. */
  readonly strangers: Set<Socket>;
}

function greet(desk: Desk, socket: Socket): void {
  const { hub, strangers } = desk;
  const link = new Framed(socket);
  const challenge = new Uint8Array(randomBytes(32));
  let operator: Operator | null = null;
  let isOver = false;
  const [oldest] = strangers;
  if (strangers.size >= STRANGERS_MAX) oldest?.destroy();
  strangers.add(socket);
  const late = setTimeout(() => socket.destroy(), HELLO_MS);
  const isKnown = () => {
    clearTimeout(late);
    strangers.delete(socket);
  };
  link.on('close', isKnown);
  link.send({ site: hub.site.name, challenge });
  link.on('message', (value) => {
    if (operator !== null) {
      void answer(desk, operator, value).then((response) => link.send(response));
      return;
    }
    try {
      if (isOver) return;
      const act = signedAct(value);
      if (act !== null) {
        isOver = true;
        void takeSigned(desk, act).then((response) => {
          link.send(response);
          link.close();
        });
        return;
      }
      const said = hello(value, '');
      const known = hub.roster.operators.find(({ name }) => name === said.operator);
      if (known === undefined) throw new ActError('E_ACT_ROLE', `${said.operator} is not on the roster`);
      sshVerify(challengeBytes(hub.site.name, challenge), said.signature, NAMESPACES.session, known.key, known.sk);
      operator = known;
      isKnown();
      link.send({ ok: 'yes', role: known.role });
    } catch (error) {
      link.send(refusal(0, error));
      link.close();
    }
  });
}

async function answer(desk: Desk, entered: Operator, value: unknown): Promise<Response> {
  const { hub, driver } = desk;
  let tx = 0;
  try {
    if (isToolRequest(value)) {
      const wanted = toolRequest(value, '');
      tx = wanted.tx;
      const operator = present(hub, entered);
      checkWholeSite(operator);
      const text = await toolAct(hub, desk.admin, operator, wanted);
      return { tx, ok: 'yes', ...(text === null ? {} : { text }) };
    }
    if (isUpgradeRequest(value)) {
      const wanted = upgradeRequest(value, '');
      tx = wanted.tx;
      const operator = present(hub, entered);
      checkWholeSite(operator);
      await desk.upgrades.take(hub, operator, wanted);
      return { tx, ok: 'yes' };
    }
    const asked = request(value, '');
    tx = asked.tx;
    const operator = present(hub, entered);
    const { verb, incident: seen, session } = asked;
    // Who may only look may be seen looking.
    if (verb === 'look' && seen !== undefined && session !== undefined) {
      const looking = desk.looking.note(session, operator.name, seen, hub.now());
      return { tx, ok: 'yes', looking, ...thinkingAbout(hub, operator, seen) };
    }
    if (operator.role === 'viewer') throw new ActError('E_ACT_ROLE', `${operator.name} may look, not act`);
    const about = asked.incident;
    if (asked.verb === 'probe') return { tx, ok: 'yes', probe: await probe(hub, driver, operator, asked) };
    if (verb === 'hold' || verb === 'release') {
      const text = await actOnHolds(hub, operator, asked);
      return { tx, ok: 'yes', ...(text === null ? {} : { text }) };
    }
    if (verb === 'remember' || verb === 'forget') {
      await actOnRemembered(desk, operator, asked);
      return { tx, ok: 'yes' };
    }
    if (about !== undefined) {
      await driver.change(about, () => actOnIncident(hub, operator, about, asked));
      return { tx, ok: 'yes' };
    }
    const text = await actOnSite(desk, operator, asked);
    return { tx, ok: 'yes', ...(text === null ? {} : { text }) };
  } catch (error) {
    return refusal(tx, error);
  }
}

/** Who entered with a key may have been taken off the roster since, or have another role now. */
function present(hub: Hub, entered: Operator): Operator {
  const known = hub.roster.operators.find(({ name }) => name === entered.name);
  if (known === undefined || !Buffer.from(known.key).equals(entered.key))
    throw new ActError('E_ACT_ROLE', `${entered.name} is not on the roster any more`);
  return known;
}

/** What the reasoners write about an incident, for whom its host is in scope: it may quote the evidence. */
function thinkingAbout(hub: Hub, operator: Operator, id: string): Pick<Response, 'thinking'> {
  const thinking = hub.thoughts.of(id);
  if (thinking.length === 0) return {};
  const host = getIncident(hub.store, id)?.host;
  return host !== undefined && covers(operator, host, tagsOf(hub.store, host)) ? { thinking } : {};
}

async function actOnIncident(hub: Hub, operator: Operator, id: string, asked: Request): Promise<void> {
  const incident: Incident | undefined = getIncident(hub.store, id);
  if (incident === undefined) throw new ActError('E_ACT_UNKNOWN', `no incident ${id}`);
  checkHost(hub, operator, incident.host);
  const { verb, note = '' } = asked;
  if (verb === 'reject') return reject(hub, incident, operator.name, note);
  if (verb === 'ack') return acknowledge(hub, incident, operator.name);
  if (verb === 'cancel') return cancel(hub, incident, operator.name, note);
  return acceptSigned(hub, incident, asked);
}

/** Not in the incident's turn: an agent may take seconds, and results must not wait for it. */
async function probe(
  hub: Hub,
  driver: Driver,
  operator: Operator,
  asked: Request,
): Promise<NonNullable<Response['probe']>> {
  const { incident = '', probe = '', name = '' } = asked;
  const about = getIncident(hub.store, incident);
  if (about !== undefined) checkHost(hub, operator, about.host);
  const { state, code, lines, truncated } = await hub.probes.ask(hub, driver, {
    incident,
    probe,
    param: name,
    by: operator.name,
  });
  return { state, code, lines, truncated };
}

/** Answers what was asked for, null when that is nothing but done. */
async function actOnSite({ hub, admin }: Desk, operator: Operator, asked: Request): Promise<string | null> {
  // Stopping is anyone's who may act at all.
  if (asked.verb !== 'halt') checkWholeSite(operator);
  const { verb, match = '', from = hub.now(), until = 0, note = '', silence = '', agent = '' } = asked;
  if (verb === 'silence') await addSilence(hub, operator.name, { match, from, until, note });
  else if (verb === 'unsilence') await removeSilence(hub, operator.name, silence);
  else if (verb === 'revoke' && hub.tools.get(agent) !== undefined) await revokeTool(hub, operator, agent);
  else return adminAct(admin, operator, asked);
  return null;
}

/** Keeps incidents for an inquiry, or lets them go when their time has come: an admin's, like all that takes something out. */
async function actOnHolds(hub: Hub, operator: Operator, asked: Request): Promise<string | null> {
  checkWholeSite(operator);
  if (operator.role !== 'admin') throw new ActError('E_ACT_ROLE', `${operator.name} is ${operator.role}: an admin may`);
  const { verb, incident, match = '', note = '', hold = '' } = asked;
  if (verb === 'hold') return addHold(hub, operator.name, { incident, match, note });
  await releaseHold(hub, operator.name, hold, note);
  return null;
}

/** Remembering is an admin's, by their signature; that less runs with nobody there is anyone's to say who may act. */
async function actOnRemembered({ hub, driver, admin }: Desk, operator: Operator, asked: Request): Promise<void> {
  const { verb, payload, signature, rule = '' } = asked;
  if (verb === 'forget') {
    await forgetRemembered(hub, operator.name, rule);
    // What stands in line by it goes to a person.
    driver.resume();
    await admin.announcements?.revoked();
    return;
  }
  if (payload === undefined || signature === undefined)
    throw new ActError('E_ACT_MISMATCH', 'what is remembered needs its signed payload');
  await keepRemembered(hub, operator, { payload, signature });
}
