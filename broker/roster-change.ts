import type { Roster } from './messages.ts';
import { hubKeys, type Operator } from './roster.ts';

/** Operators of one roster, and keys of earlier days that it carries; the message's own bounds. */
const OPERATORS_MAX = 256;
const FORMER_MAX = 256;
const TWO_PERSON_MAX = 32;

type TwoPerson = NonNullable<Roster['two_person']>[number];
/** Who acts in the records without being a person: nobody may pass for them. */
const RESERVED: ReadonlySet<string> = new Set(['hub', 'site-root', 'nobody']);

/** Why an operator can't be added, taken off or given another key. */
export class OperatorError extends Error {
  readonly code:
    | 'E_OPERATOR_NAME'
    | 'E_OPERATOR_KNOWN'
    | 'E_OPERATOR_UNKNOWN'
    | 'E_OPERATOR_KEY_KNOWN'
    | 'E_OPERATOR_LAST_ADMIN'
    | 'E_OPERATOR_TWO'
    | 'E_OPERATOR_FULL';
  constructor(code: OperatorError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The roster's next version with one operator more, last in its order. Throws OperatorError. */
export function withOperator(before: Roster, operator: Operator): Roster {
  const { name, key } = operator;
  if (RESERVED.has(name)) throw new OperatorError('E_OPERATOR_NAME', `${name} is no name for a person`);
  if (before.operators.some((one) => one.name === name))
    throw new OperatorError('E_OPERATOR_KNOWN', `${name} is on the roster. For another key: sentinel operator rotate`);
  if (before.operators.length >= OPERATORS_MAX)
    throw new OperatorError('E_OPERATOR_FULL', `a roster has at most ${OPERATORS_MAX} operators`);
  checkNew(before, key);
  return { ...before, version: before.version + 1, operators: [...before.operators, operator] };
}

/** The roster's next version without this operator, whose key stays readable. Throws OperatorError. */
export function withoutOperator(before: Roster, name: string): Roster {
  const operator = operatorOf(before, name);
  const operators = before.operators.filter((one) => one !== operator);
  if (!operators.some(({ role }) => role === 'admin'))
    throw new OperatorError('E_OPERATOR_LAST_ADMIN', `${name} is the last admin: add another first`);
  return { ...before, version: before.version + 1, operators, former: withFormer(before, operator) };
}

/** The roster's next version with another key for this operator; the one before stays readable. Throws OperatorError. */
export function withKey(before: Roster, name: string, key: Uint8Array, sk?: string): Roster {
  const operator = operatorOf(before, name);
  checkNew(before, key);
  const { sk: _, ...rest } = operator;
  const next = { ...rest, key, ...(sk === undefined ? {} : { sk }) };
  const operators = before.operators.map((one) => (one === operator ? next : one));
  return { ...before, version: before.version + 1, operators, former: withFormer(before, operator) };
}

/**
 * The roster's next version in which two persons must agree to these plans on the hosts of each scope (`*`: on every one);
 * null takes that back. Throws OperatorError where there are no two who could.
 */
export function withTwoPerson(before: Roster, scopes: readonly string[], plans: TwoPerson['plans'] | null): Roster {
  const others = (before.two_person ?? []).filter(({ where }) => !scopes.includes(where));
  const able = before.operators.filter(({ role }) => role !== 'viewer');
  if (plans !== null && able.length < 2)
    throw new OperatorError('E_OPERATOR_TWO', `only ${able.length} may approve: add another approver or admin first`);
  const { two_person: _, ...rest } = before;
  const rules = plans === null ? others : [...others, ...scopes.map((where) => ({ where, plans }))];
  if (rules.length > TWO_PERSON_MAX)
    throw new OperatorError('E_OPERATOR_FULL', `a roster has room for ${TWO_PERSON_MAX} scopes of two persons`);
  return { ...rest, version: before.version + 1, ...(rules.length === 0 ? {} : { two_person: rules }) };
}

function operatorOf({ operators }: Roster, name: string): Operator {
  const operator = operators.find((one) => one.name === name);
  if (operator === undefined) throw new OperatorError('E_OPERATOR_UNKNOWN', `${name} is not on the roster`);
  return operator;
}

/** One key under two names would be two persons who are one; a former key may be in anyone's hands. */
function checkNew(roster: Roster, key: Uint8Array): void {
  const { operators, former = [] } = roster;
  const known = [...operators, ...former].find((one) => Buffer.from(one.key).equals(key));
  if (known !== undefined)
    throw new OperatorError('E_OPERATOR_KEY_KNOWN', `this key is, or was, ${known.name}'s: make a new one`);
  if (hubKeys(roster).some((one) => Buffer.from(one).equals(key)))
    throw new OperatorError('E_OPERATOR_KEY_KNOWN', "this key is, or was, the hub's order key: make a new one");
}

function withFormer({ version, former = [] }: Roster, operator: Operator): NonNullable<Roster['former']> {
  if (former.length >= FORMER_MAX)
    throw new OperatorError('E_OPERATOR_FULL', `a roster has room for ${FORMER_MAX} keys of earlier days`);
  const { scopes: _, ...kept } = operator;
  return [...former, { ...kept, until: version }];
}
