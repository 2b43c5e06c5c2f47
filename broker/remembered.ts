import { isDeepStrictEqual } from 'node:util';
import { type Program, programHash } from '../policy/program.ts';
import { RuleError } from './automation-rule.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { isInterpreter } from './interpreters.ts';
import { type Approval, LIMITS, PHASES, program, type Roster } from './messages.ts';
import { keysOf } from './roster.ts';
import { bytes, type Infer, int, list, oneOf, pattern, real, record, text } from './shape.ts';
import { NAMESPACES, type Namespace, sshVerify, sshVerifyAny } from './sshsig.ts';
import { ID } from './topics.ts';
import { timeOfUlid } from './ulid.ts';

const DAY_MS = 86_400_000;
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** What an approval may be remembered for, at the most; hub and agent each hold every rule against it. */
export const REMEMBER = {
  /** Days: a host changes, and who consented may not know it any more. */
  days: 31,
  /** Named one by one: more is no person's to have looked at. */
  hosts: 16,
  /** That have not lapsed, revoked ones among them: so many a person can read through, and a checkpoint can name. */
  rules: 64,
  /** Bytes of one: it travels within an approval, which has room for 16 kB. */
  bytes: 8_192,
  /** Processes that the commands name. */
  processes: 8,
  /** Plans on one host within an hour. */
  perHostHour: 4,
  /** Below this the routing table leaves a cause to a person, and what was remembered was consent to a command, not to a guess. */
  confidence: 0.8,
} as const;

/** A process that the commands name, whichever pid it has by then. */
const processKind = record({ comm: text(64), exe: text(4_096) });

/**
 * An approval that an admin has signed for later too: these very commands, checks and undoing included, on these hosts,
 * until then. A word `{process1}` stands for the pid of the first of `processes`; every other word is exact.
 */
export const rememberedShape = record({
  id: pattern(ULID, 'a ULID'),
  site: pattern(ID, 'an id'),
  /** The incident whose plan it was made of. */
  incident: pattern(ULID, 'a ULID'),
  /** The admin who signed it. */
  by: text(128),
  made: int(),
  not_after: int(),
  hosts: list(pattern(ID, 'an id'), REMEMBER.hosts),
  /** The class of the cause that it is for, and how sure of it the hub has to be, 0..1. */
  cause: text(128),
  confidence: real,
  /** The playbook that the plan came from. */
  playbook: text(128),
  programs: list(record({ phase: oneOf(...PHASES), number: int(1, LIMITS.programs), program }), LIMITS.programs),
  /** Numbers of the steps whose `review` is consented to; a step's consent covers its own rollback. */
  reviewed: list(int(1, LIMITS.programs), LIMITS.programs),
  processes: list(processKind, REMEMBER.processes),
  per_host_hour: int(1, REMEMBER.perHostHour),
});
export type RememberedRule = Infer<typeof rememberedShape>;

export const signedRemembered = record({ payload: bytes(REMEMBER.bytes), signature: bytes(1_024) });
export type SignedRemembered = Infer<typeof signedRemembered>;

const PLACE = /^\{process([1-9])\}$/;
/** The word that stands for a process of a rule, by its place among them. */
export const placeOfProcess = (index: number): string => `{process${index + 1}}`;

/** Has a rule signed: `sign` makes the SSHSIG blob with the admin's key, wherever that is. */
export async function signRemembered(
  rule: RememberedRule,
  sign: (message: Uint8Array, namespace: Namespace) => Promise<Uint8Array>,
): Promise<SignedRemembered> {
  const payload = encodeCbor(rule);
  return { payload, signature: await sign(payload, NAMESPACES.remembered) };
}

/** The rule, if an admin on the roster signed it for this site. Throws RuleError, SignatureError or ShapeError. */
export function openRemembered(signed: SignedRemembered, roster: Roster): RememberedRule {
  const rule = openFormerRemembered(signed, roster);
  const admin = roster.operators.find(({ name, role }) => name === rule.by && role === 'admin');
  if (admin === undefined) throw new RuleError('E_RULE_SIGNER', `${rule.by} is no admin on the roster`);
  sshVerify(signed.payload, signed.signature, NAMESPACES.remembered, admin.key, admin.sk);
  return rule;
}

/** The rule as it was signed once, by an admin who may have left since. Throws RuleError, SignatureError or ShapeError. */
export function openFormerRemembered({ payload, signature }: SignedRemembered, roster: Roster): RememberedRule {
  const rule = rememberedShape(decodeCbor(payload), '');
  const keys = keysOf(roster, rule.by);
  if (keys.length === 0) throw new RuleError('E_RULE_SIGNER', `${rule.by} is no admin on the roster`);
  sshVerifyAny(payload, signature, NAMESPACES.remembered, keys);
  if (rule.site !== roster.site) throw new RuleError('E_RULE_SITE', `the rule is for site ${rule.site}`);
  return rule;
}

/** What a plan asks of what was remembered. */
export interface RememberedQuestion {
  readonly now: number;
  readonly host: string;
  readonly cause: string;
  readonly confidence: number;
}

/** Throws RuleError unless the rule covers this host, cause, confidence and time, whatever it says of itself. */
export function checkRemembered(rule: RememberedRule, { now, host, cause, confidence }: RememberedQuestion): void {
  const { id, by, made, not_after, hosts } = rule;
  // Made far ahead it would outlast the month, and what is revoked is kept by when its id says that it was made. A day is
  // for a clock that is off.
  const isAhead = made > now + DAY_MS || timeOfUlid(id) > made + DAY_MS;
  if (now >= not_after || now >= made + REMEMBER.days * DAY_MS || isAhead)
    throw new RuleError('E_RULE_LAPSED', `what ${by} approved is remembered no longer`);
  // Asked here and not of what ran by it once: an older version let that be signed, and it is undone and verified still.
  const why = rule.processes.map(whyNoKind).find((one) => one !== null);
  if (why !== undefined) throw new RuleError('E_RULE_TEMPLATE', why);
  if (!hosts.includes(host)) throw new RuleError('E_RULE_SCOPE', `what ${by} approved is not for ${host}`);
  if (cause !== rule.cause) throw new RuleError('E_RULE_SCOPE', `what ${by} approved was for ${rule.cause}`);
  const least = Math.max(REMEMBER.confidence, rule.confidence);
  if (!(confidence >= least))
    throw new RuleError('E_RULE_CONFIDENCE', `confidence ${confidence.toFixed(2)} is below ${least.toFixed(2)}`);
}

/** What of an approval a rule decides. */
export type Named = Pick<Approval, 'programs' | 'reviewed' | 'processes'>;

/**
 * Why a process is none that a rule may stand for; null where it may. Its name and its executable are all that is held
 * against the one that lives then, and of an interpreter they are those of everything that it runs.
 */
export const whyNoKind = ({ comm, exe }: RememberedRule['processes'][number]): string | null =>
  isInterpreter(exe)
    ? `${exe} runs whatever it is given, so that any process of it would pass for ${comm}: name its unit instead, or approve it each time`
    : null;

/**
 * Throws RuleError unless the approval names the very programs of the rule, all of them in its order, for processes of the
 * very names and executables, and consents to no more. Nothing but the pids is another's to choose.
 */
export function checkTemplate(rule: RememberedRule, { programs, reviewed, processes }: Named): void {
  const kinds = processes.map(({ comm, exe }) => ({ comm, exe }));
  if (!isDeepStrictEqual(kinds, rule.processes))
    throw new RuleError('E_RULE_TEMPLATE', `what ${rule.by} approved was for other processes`);
  const pids = processes.map(({ pid }) => pid);
  if (new Set(pids).size < pids.length)
    throw new RuleError('E_RULE_TEMPLATE', 'one process stands for two of those that were approved');
  const named = programs.map(({ phase, number, hash }) => ({ phase, number, hash }));
  const wanted = rule.programs.map((one) => ({
    phase: one.phase,
    number: one.number,
    hash: programHash(filled(one.program, pids)),
  }));
  if (!isDeepStrictEqual(named, wanted))
    throw new RuleError('E_RULE_TEMPLATE', `these are not the commands that ${rule.by} approved`);
  if (!isDeepStrictEqual(reviewed, rule.reviewed))
    throw new RuleError('E_RULE_CONSENT', `${rule.by} has consented to other steps`);
}

/** A program of a rule with pids in place of its processes. Throws RuleError where it names none. */
function filled({ version, jobs }: Program, pids: readonly number[]): Program {
  const word = (text: string, index: number): string => {
    const [, place] = PLACE.exec(text) ?? [];
    if (place === undefined) return text;
    const pid = pids[Number(place) - 1];
    // A pid is an operand: what runs is never left open.
    if (pid === undefined || index === 0) throw new RuleError('E_RULE_TEMPLATE', `${text} stands for no process`);
    return String(pid);
  };
  return {
    version,
    jobs: jobs.map(({ when, pipe }) => ({ when, pipe: pipe.map((one) => ({ ...one, argv: one.argv.map(word) })) })),
  };
}
