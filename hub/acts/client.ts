import { connect } from 'node:net';
import type { Signed } from '../../broker/approvals.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { Framed } from '../../broker/framed.ts';
import { type KeyPair, readKeyPair } from '../../broker/keys.ts';
import type { Role } from '../../broker/messages.ts';
import { NAMESPACES, type Namespace, sshSign } from '../../broker/sshsig.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { TIMES } from '../hub.ts';
import type { Incident, Plan } from '../incident.ts';
import { planHash } from '../plan-hash.ts';
import { ActError, approvalOf } from '../steps/approve.ts';
import type { ToolAct } from '../tools/acts.ts';
import type { UpgradeAct } from '../upgrade/acts.ts';
import { challengeBytes, greeting, type Response, response } from './protocol.ts';
import { socketAddress } from './socket-address.ts';

/** A hub on this machine answers an act within a transaction; past this it is not answering at all. */
const ANSWER_MS = 15_000;

/** Why an act did not reach the hub. */
export class ReachError extends Error {
  readonly code = 'E_HUB_UNREACHABLE';
}

/** Makes an SSHSIG blob with an operator's key, wherever that is. */
export type Sign = (message: Uint8Array, namespace: Namespace) => Promise<Uint8Array>;

/** Who acts, as the roster knows the key with which they sign. */
export interface Acting {
  readonly name: string;
  readonly role: Role;
  readonly site: string;
  readonly sign: Sign;
  /** Each signature takes a touch of a security token: nothing is signed that nobody asked for. */
  readonly isTouched?: true;
}

/** Who acts from this machine: the operator whose key lies in the state folder. */
export interface LocalOperator extends Acting {
  readonly key: KeyPair;
}

/** Reads the local operator; throws StateError or KeyFileError when there is none. */
export function localOperator(state: StateFolder): LocalOperator {
  const site = readSite(state);
  const { roster } = readRoster(state, site);
  const name = site.localOperator;
  const known = roster.operators.find((one) => one.name === name);
  const key = readKeyPair(keyFile.operator(state, name));
  const sign: Sign = async (message, namespace) => sshSign(message, namespace, key);
  return { name, role: known?.role ?? 'viewer', site: site.name, key, sign };
}

/** The plan that this operator may approve now, and as what. Throws ActError with the reason where it is none. */
export function approvable(
  incident: Incident,
  { name, role }: Pick<Acting, 'name' | 'role'>,
): { readonly plan: Plan; readonly role: Exclude<Role, 'viewer'> } {
  const { plan } = incident;
  if (plan === null || incident.state !== 'proposed') {
    throw new ActError('E_ACT_STATE', `incident is ${incident.state}: only a proposed one can be approved`);
  }
  if (planHash(plan) !== incident.plan_hash) throw new ActError('E_ACT_MISMATCH', 'the plan does not have its hash');
  if (role === 'viewer') throw new ActError('E_ACT_ROLE', `${name} may look, not act`);
  return { plan, role };
}

/**
 * Signs an approval of exactly this plan with these review steps included. Throws ActError when the hash that came
 * with the incident is not the plan's own: what is signed is what was shown. `lasts` is in milliseconds.
 */
export async function signPlan(
  incident: Incident,
  operator: Acting,
  reviewed: readonly number[],
  now: number,
  lasts: number = TIMES.approval,
): Promise<Signed> {
  const { plan, role } = approvable(incident, operator);
  const { name, site, sign } = operator;
  const approval = approvalOf(incident, plan, {
    id: ulid(now),
    site,
    by: name,
    role,
    reviewed: [...reviewed].sort((a, b) => a - b),
    not_after: now + lasts,
  });
  const payload = encodeCbor(approval);
  return { payload, signature: await sign(payload, NAMESPACES.approval) };
}

export type Act =
  | {
      readonly verb: 'approve' | 'second';
      readonly incident: string;
      readonly payload: Uint8Array;
      readonly signature: Uint8Array;
    }
  | { readonly verb: 'reject' | 'cancel'; readonly incident: string; readonly note: string }
  | { readonly verb: 'ack'; readonly incident: string }
  | {
      readonly verb: 'silence';
      readonly match: string;
      readonly from: number;
      readonly until: number;
      readonly note: string;
    }
  | { readonly verb: 'unsilence'; readonly silence: string }
  | { readonly verb: 'hold'; readonly incident?: string; readonly match?: string; readonly note: string }
  | { readonly verb: 'release'; readonly hold: string; readonly note: string }
  | { readonly verb: 'enroll'; readonly agent: string; readonly hours: number; readonly at?: string }
  | { readonly verb: 'revoke'; readonly agent: string }
  | { readonly verb: 'roster'; readonly payload: Uint8Array }
  | { readonly verb: 'remember'; readonly payload: Uint8Array; readonly signature: Uint8Array }
  | { readonly verb: 'forget'; readonly rule: string }
  | { readonly verb: 'halt'; readonly note: string }
  | { readonly verb: 'lift'; readonly payload: Uint8Array; readonly signature: Uint8Array }
  | { readonly verb: 'look'; readonly incident: string; readonly session: string }
  | { readonly verb: 'probe'; readonly incident: string; readonly probe: string; readonly name: string }
  | ToolAct
  | UpgradeAct;

/**
 * Opens the socket, proves who the operator is, asks one thing, and gives the hub's answer. An approval proves it by
 * itself. How long a person takes to sign is not held against the hub.
 */
export const askHub = (state: StateFolder, operator: Acting, act: Act): Promise<Response> =>
  askHubInTurn(state, operator, [act]);

/** The same for several acts on one connection: each when the one before was done. Gives the last answer, or the first refusal. */
export function askHubInTurn(state: StateFolder, operator: Acting, acts: readonly Act[]): Promise<Response> {
  const [act, ...more] = acts;
  if (act === undefined) throw new ActError('E_ACT_MISMATCH', 'nothing was asked');
  return new Promise((resolve, reject) => {
    const address = socketAddress(state.actSocket);
    const socket = connect(address.path);
    const link = new Framed(socket);
    const unreachable = (why: string) =>
      reject(new ReachError(`${why}. Is the hub running with --state ${state.root}?`));
    const waiting = () =>
      setTimeout(() => {
        socket.destroy();
        unreachable('the hub does not answer');
      }, ANSWER_MS);
    let late = waiting();
    socket.on('error', () => unreachable(`can't reach the hub at ${state.actSocket}`));
    link.on('close', () => {
      clearTimeout(late);
      address.release();
      unreachable('the hub closed the connection');
    });
    let stage: 'greeting' | 'welcome' | 'answer' = 'greeting';
    const fail = (error: unknown) => {
      reject(error instanceof Error ? error : new Error(String(error)));
      link.close();
    };
    link.on('message', (value) => {
      try {
        if (stage === 'greeting') {
          const { challenge } = greeting(value, '');
          if (act.verb === 'approve' || act.verb === 'second') {
            link.send({ tx: 1, ...act });
            stage = 'answer';
            return;
          }
          stage = 'welcome';
          clearTimeout(late);
          operator
            .sign(challengeBytes(operator.site, challenge), NAMESPACES.session)
            .then((signature) => {
              late = waiting();
              link.send({ operator: operator.name, signature });
            })
            .catch(fail);
        } else if (stage === 'welcome' && !isRefusal(value)) {
          link.send({ tx: 1, ...act });
          stage = 'answer';
        } else {
          const said = response(value, '');
          const next = said.ok === 'yes' ? more.shift() : undefined;
          if (next === undefined) {
            resolve(said);
            return link.close();
          }
          clearTimeout(late);
          late = waiting();
          link.send({ tx: said.tx + 1, ...next });
        }
      } catch (error) {
        fail(error);
      }
    });
  });
}

const isRefusal = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'ok' in value && value.ok === 'no';
