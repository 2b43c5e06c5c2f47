import { decodeCbor } from '../../broker/cbor.ts';
import { moment, remote, type Words } from '../report/blocks.ts';
import type { Told } from './evidence-report.ts';

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array) ? (value as Fields) : {};
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);
const said = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);

/** More of one command's output than this is in the record. */
const OUTPUT_MAX = 300;

/** What a record says, in a line; what it can't put into words is named by its kind. */
export function toldIn(record: Told): Words {
  const { n, ts, kind, actor, data } = record;
  const words = Object.hasOwn(TELL, kind) ? TELL[kind]?.(data) : undefined;
  return [
    `${moment(ts)}, record ${n}, `,
    remote(kind),
    ' by ',
    remote(actor),
    ...(words === undefined ? [] : [': ', ...words]),
  ];
}

const TELL: Readonly<Record<string, (data: Fields) => Words>> = {
  'incident.opened': ({ severity, reason, fingerprint }) => [
    remote(said(severity)),
    ', ',
    remote(said(reason)),
    ' (',
    remote(said(fingerprint)),
    ')',
  ],
  'evidence.gathered': ({ items }) => [`${listOf(items).length} facts, which are in the record`],
  'incident.diagnosed': ({ diagnoses }) =>
    listOf(diagnoses).flatMap(
      (one, i): Words => [
        i === 0 ? '' : '; ',
        remote(said(one['by'])),
        ' says ',
        remote(said(one['class'])),
        ', confidence ',
        remote(said(one['confidence'])),
        ': ',
        remote(said(one['root_cause'])),
      ],
    ),
  'plan.vetted': ({ decision, policy, verdicts }) => [
    'the plan is ',
    remote(said(decision)),
    ' by the policy ',
    remote(said(policy).slice(0, 16)),
    '. ',
    ...listOf(verdicts).flatMap(({ phase, number, command, verdict }): Words => {
      const { decision: of, reason } = fieldsOf(verdict);
      return [
        `${said(phase)} ${said(number)}: `,
        remote(said(command)),
        ' is ',
        remote(said(of)),
        ' (',
        remote(said(reason)),
        '). ',
      ];
    }),
  ],
  'plan.routed': ({ route }) => [remote(said(route))],
  'plan.approved': approved,
  'plan.approved_first': approved,
  'plan.seconded': ({ second }) => signedBy(second),
  'plan.approved_alone': ({ approval, rule }) => ['under the rule ', remote(said(rule)), '; ', ...signedBy(approval)],
  'rule.remembered': ({ rule }) => ['the rule ', remote(said(rule)), ', signed by its admin'],
  'rule.revoked': ({ rule }) => ['the rule ', remote(said(rule))],
  'plan.rejected': ({ note }) => [remote(said(note))],
  'order.sent': ({ order, purpose, dry_run }) => [
    remote(said(purpose)),
    dry_run === true ? ', a dry run: nothing is changed' : ', live',
    ', order ',
    remote(said(order)),
  ],
  'order.result': ({ result }) => {
    const { step, state, code, exit, stdout, stderr } = fieldsOf(result);
    const { phase, number } = fieldsOf(step);
    const output = `${said(stdout)}${said(stderr)}`.slice(0, OUTPUT_MAX);
    return [
      phase === undefined ? 'the order' : `${said(phase)} ${said(number)}`,
      ' is ',
      remote(said(state)),
      ...(code === undefined ? [] : [' (', remote(said(code)), ')']),
      ...(exit === undefined ? [] : [`, exit ${said(exit)}`]),
      ...(output === '' ? [] : [', it wrote ', remote(output)]),
    ];
  },
  'roster.changed': ({ version, epoch, operators }) => [
    `version ${said(version)}, epoch ${said(epoch)}, with `,
    ...listOf(operators).flatMap(
      ({ name, role }, i): Words => [i === 0 ? '' : ', ', remote(said(name)), ` (${said(role)})`],
    ),
  ],
  'policy.changed': ({ policy }) => [remote(said(policy).slice(0, 16))],
  'hub.started': ({ live, policy }) => [
    live === true ? 'live' : 'dry run',
    ', policy ',
    remote(said(policy).slice(0, 16)),
  ],
  'site.halted': ({ counter, reason }) => [`halt ${said(counter)}, `, remote(said(reason))],
  'site.lifted': ({ counter }) => [`halt ${said(counter)}`],
  'incident.acknowledged': ({ before }) => ['it was with ', remote(said(before))],
  'incident.cancelled': ({ note }) => [remote(said(note))],
  'retention.pruned': ({ incidents }) => [
    `${Array.isArray(incidents) ? incidents.length : 0} incidents were taken out of the store`,
  ],
};

function approved({ approval }: Fields): Words {
  return signedBy(approval);
}

/** Who signed for what, as it stands in what was signed; the verifier checks the signature. */
function signedBy(payload: unknown): Words {
  try {
    const { by, role, host, plan_hash, reviewed, not_after } = fieldsOf(
      payload instanceof Uint8Array ? decodeCbor(payload) : null,
    );
    const consents =
      Array.isArray(reviewed) && reviewed.length > 0
        ? `, consenting to ${reviewed.length} commands that need review`
        : '';
    return [
      'signed by ',
      remote(said(by)),
      ` (${said(role)}) for `,
      remote(said(host)),
      ...(plan_hash === undefined ? [] : [', plan ', remote(said(plan_hash).slice(0, 16))]),
      `${consents}, good until ${moment(Number(not_after))}`,
    ];
  } catch {
    return ['what was signed can’t be read'];
  }
}
