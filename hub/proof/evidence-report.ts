import type { Checkpoint } from '../../broker/halts.ts';
import type { Roster } from '../../broker/messages.ts';
import { fingerprintOf } from '../../broker/operator-key.ts';
import type { readAudit } from '../chain/audit.ts';
import { type Block, moment, remote, type Words } from '../report/blocks.ts';
import { CONTROLS, STANDARD_NAMES, type Standard } from './controls.ts';
import { toldIn } from './told-record.ts';

/** One record of the chain as it was decoded. */
export type Told = ReturnType<typeof readAudit>;

/** Incidents that are told one by one; the records of all are in `proof.jsonl`. */
const INCIDENTS_MAX = 500;
/** Changes of the site that are listed, the newest. */
const CHANGES_MAX = 200;

/** What a report of evidence is written from. */
export interface EvidenceParts {
  readonly site: string;
  readonly standard: Standard;
  /** The incident that the bundle is about; null for the whole chain. */
  readonly incident: string | null;
  readonly made: number;
  readonly root: Uint8Array;
  readonly roster: Roster;
  readonly checkpoint: Checkpoint;
  readonly records: Iterable<Told>;
}

const heading = (text: string): Block => ({ kind: 'heading', words: [text] });
const line = (...words: Words): Block => ({ kind: 'line', words });
const list = (items: readonly Words[]): Block[] => (items.length === 0 ? [] : [{ kind: 'list', items }]);

/** What happened, who approved it and why, each with the number of its record; then what that says to the standard, and what not. */
export function evidenceReport(parts: EvidenceParts): readonly Block[] {
  const { site, standard, incident, made, root, roster, checkpoint } = parts;
  const { count, incidents, changes, from, to } = sorted(parts.records);
  const shown = [...incidents].slice(-INCIDENTS_MAX);
  return [
    { kind: 'title', words: [`Evidence of the site ${site}, for ${STANDARD_NAMES[standard]}`] },
    ...list([
      [
        incident === null
          ? 'About: the whole audit chain'
          : `About: the incident ${incident}, and what changed on the site`,
      ],
      [`Made: ${moment(made)}, by the hub, which has signed this bundle`],
      [`Records: ${count}${count === 0 ? '' : `, from ${moment(from)} to ${moment(to)}`}`],
      [`Checkpoint: ${moment(checkpoint.now)}, over ${checkpoint.audit_head.count} records`],
      ['Root key of the site: ', remote(Buffer.from(root).toString('hex'))],
    ]),
    heading('How to check it'),
    line(
      'Run ',
      remote('node verify.mjs'),
      ' in this folder, with Node 20.19 or later and nothing else. Compare the root key that it prints with the one that you have from the site by another way, and the verifier itself with the one in the package: a bundle can’t vouch for either.',
    ),
    line(
      'This page is the hub’s reading of the records; the records are the evidence. Each statement names its record: ',
      remote('node verify.mjs --show N'),
      ' prints it.',
    ),
    heading('People and keys'),
    line(`By the roster in force, version ${roster.version} of epoch ${roster.epoch}, which the site root has signed:`),
    ...list(
      roster.operators.map(
        ({ name, role, key, sk, scopes }): Words => [
          remote(name),
          `, ${role}, ${scopes.length === 0 ? 'for the whole site' : 'for '}`,
          ...scopes.flatMap((one) => [remote(one), ' ']),
          ', key ',
          remote(fingerprintOf(key, sk)),
          sk === undefined ? '' : ' in a security token',
        ],
      ),
    ),
    ...((roster.former ?? []).length === 0
      ? []
      : [line(`${roster.former?.length} earlier keys stand on it too: what they signed stays verifiable.`)]),
    heading('Changes of the site'),
    ...(changes.length === 0 ? [line('None is among these records.')] : list(changes.slice(-CHANGES_MAX).map(toldIn))),
    ...(changes.length > CHANGES_MAX ? [line(`The newest ${CHANGES_MAX} of ${changes.length}.`)] : []),
    ...shown.flatMap(([id, records]) => [heading(`Incident ${id}`), ...list(records.map(toldIn))]),
    ...(incidents.size > shown.length ? [line(`The newest ${shown.length} of ${incidents.size} incidents.`)] : []),
    heading(`What this says to ${STANDARD_NAMES[standard]}`),
    line(
      'No control is met by records alone. What is cited here is where they help, and what has to be seen elsewhere; that a control is met is for an auditor to say.',
    ),
    ...list(
      CONTROLS[standard].map(
        ({ id, about, shows, not }): Words => [`${id}, ${about}. It shows: ${shows} It does not show: ${not}`],
      ),
    ),
    heading('What this does not show'),
    ...list([
      [
        incident === null
          ? 'That the chain has not gone on: what came after the last record here is not here.'
          : 'That there are no other records about this incident: those that are here are in the chain, and the whole chain is needed to show that no other is.',
      ],
      ['That what agents and people said is true: it shows what was said, when, and what was done upon it.'],
      [
        'Anything that a hub did not write while its order key was in other hands: approvals can’t be made with that key, everything else in a record can, up to the next checkpoint that somebody outside has kept.',
      ],
    ]),
  ];
}

/** The records of each incident, those that are told; and what changed on the site. */
function sorted(records: Iterable<Told>) {
  const incidents = new Map<string, Told[]>();
  const changes: Told[] = [];
  let [count, from, to] = [0, 0, 0];
  for (const record of records) {
    count++;
    from ||= record.ts;
    to = record.ts;
    if (record.incident !== null) {
      const known = incidents.get(record.incident);
      if (known === undefined) incidents.set(record.incident, [record]);
      else known.push(record);
    } else if (isOfSite(record)) changes.push(record);
  }
  return { count, incidents, changes, from, to };
}

/** What frames the decisions about incidents: who could decide, by which policy, and when nothing was to be done. */
export const isOfSite = ({ kind }: Pick<Told, 'kind'>): boolean =>
  /^(?:roster|policy|site|hub|retention|hold|rule|automation)\./.test(kind);
