import type { Entity } from '../../evidence/evidence.ts';
import { oneLine } from '../../evidence/words.ts';
import type { Claim } from '../../incident.ts';
import type { Diagnosis } from '../reasoner.ts';
import { unseenNames } from '../validate-names.ts';
import type { Shown } from './known.ts';
import { reading } from './reading.ts';

/** An answer of the playbooks, and whether its playbook was told apart by words of the evidence. */
export interface PlaybookAnswer {
  readonly answer: Omit<Diagnosis, 'ms'>;
  readonly mentioned: boolean;
  /** Its playbook changes something: it may need a person only because the evidence is thin. */
  readonly mends: boolean;
}

const MAX_ALTERNATIVES = 3;
const MAX_COMMANDS = 8;
const SENTENCE = 500;

/**
 * How often a cause of each kind is taken to be the right one: set by hand, and bounded by what first answers to strangers'
 * scenarios were measured to be worth (support.ts). Such an answer has no playbook, so that no figure here
 * lets anything run alone.
 */
const RIGHT: Readonly<Record<Shown['sure'], number>> = { decisive: 0.92, likely: 0.69, open: 0.45 };

/**
 * What the playbooks answer, together with the causes that the evidence shows. A playbook that fits keeps its commands,
 * since it has checks and may run alone; a shown cause adds who, since when and why. It leads where the playbooks only
 * look, or where only a playbook of the general kind fits and the signs say something else.
 */
export function led(from: PlaybookAnswer, shown: readonly Shown[], entities: readonly Entity[]): Omit<Diagnosis, 'ms'> {
  const { answer } = from;
  // Who only reads what is there has nothing to say beside a playbook.
  const [surest, ...rest] = answer.playbook === null ? shown : shown.filter(({ class: of }) => of !== reading.class);
  if (surest === undefined) return answer;
  const second = rest.find((one) => fillsToo(one, surest) || standsApart(one, surest));
  const first = second === undefined ? surest : together(surest, second);
  // What the cause itself may be stands before what else there may be.
  const others = rest.filter((one) => one !== second);
  const alternatives = [...(first.or ?? []), ...others.map(({ sentence }) => oneLine(sentence, 300))];
  return leads(from, first, entities, second !== undefined)
    ? {
        ...answer,
        class: first.class,
        root_cause: oneLine(
          `${first.sentence} ${first.person === true ? whyPerson(answer) : ''} ${measured(answer)}`,
          SENTENCE,
        ),
        chain: merged([claimOf(first)], answer.chain),
        confidence: RIGHT[first.sure],
        alternatives: limited([...alternatives, ...answer.alternatives]),
        needs_human: first.person === true,
        playbook: null,
        commands: first.commands.slice(0, MAX_COMMANDS),
      }
    : {
        ...answer,
        ...(restsOnMore(answer, first) || namesMore(answer, first, entities)
          ? {
              root_cause: oneLine(
                second === undefined ? `${answer.root_cause} ${first.sentence}` : first.sentence,
                SENTENCE,
              ),
              chain: merged(answer.chain, [claimOf(first)]),
            }
          : {}),
        alternatives: limited([...alternatives, ...answer.alternatives]),
        ...(looksOnly(from, first) ? lookedAt(answer, first) : {}),
      };
}

/** Another thing that takes room on the same file system, by evidence of its own: neither explains the other. */
function fillsToo(one: Shown, first: Shown): boolean {
  if (first.fills === undefined || one.fills === undefined || one.fills === first.fills) return false;
  const own = one.evidence.filter((id) => !first.evidence.includes(id));
  const firstOwn = first.evidence.filter((id) => !one.evidence.includes(id));
  return first.sure === 'decisive' && one.sure === 'decisive' && own.length > 0 && firstOwn.length > 0;
}

/** Two troubles at once, each by evidence of its own, and neither is said to be what the other brings about. */
function standsApart(one: Shown, first: Shown): boolean {
  if (one.apart !== true && first.apart !== true) return false;
  if (one.sure !== 'decisive' || first.sure !== 'decisive' || one.class === first.class) return false;
  const explained = first.futile?.includes(one.class) === true || one.futile?.includes(first.class) === true;
  return !explained && hasOwn(one, first) && hasOwn(first, one);
}

const hasOwn = (one: Shown, other: Shown): boolean => one.evidence.some((id) => !other.evidence.includes(id));

/** Room for each of two sentences in one. */
const HALF = 235;

function together(first: Shown, second: Shown): Shown {
  const commands = new Map([...first.commands, ...second.commands].map((one) => [one.command, one]));
  return {
    ...first,
    sentence: `${oneLine(first.sentence, HALF)} And a second thing: ${oneLine(second.sentence, HALF)}`,
    evidence: [...new Set([...first.evidence, ...second.evidence])],
    commands: [...commands.values()],
    ...(first.person === true || second.person === true ? { person: true } : {}),
  };
}

/** What rests on nothing that the answer does not cite already only says it once more. */
const restsOnMore = ({ chain }: PlaybookAnswer['answer'], { evidence }: Shown): boolean => {
  const cited = new Set(chain.flatMap((claim) => claim.evidence));
  return evidence.some((id) => !cited.has(id));
};

/** Who it is, where the answer only says what it is. */
const namesMore = (
  { root_cause }: PlaybookAnswer['answer'],
  { sentence }: Shown,
  entities: readonly Entity[],
): boolean => entities.some(({ value }) => isNamed(value, sentence) && !isNamed(value, root_cause));

/** As a word of its own: the number of a process may stand inside another. */
const isNamed = (value: string, text: string): boolean =>
  text.split(/[\s,;()]+/).some((word) => word === value || word.replace(/[.:]$/, '') === value);

/** Neither would change anything: what both would look at is shown together. */
const looksOnly = ({ answer, mends }: PlaybookAnswer, first: Shown): boolean =>
  !mends && answer.needs_human && first.person === true && first.sure === 'decisive';

function lookedAt({ commands, confidence }: PlaybookAnswer['answer'], first: Shown) {
  const all = new Map([...commands, ...first.commands].map((one) => [one.command, one]));
  return { commands: [...all.values()].slice(0, MAX_COMMANDS), confidence: Math.max(confidence, RIGHT[first.sure]) };
}

function leads(
  { answer, mentioned }: PlaybookAnswer,
  first: Shown,
  entities: readonly Entity[],
  joined: boolean,
): boolean {
  // A playbook may name a unit that this host does not have: the validator would drop its commands.
  const usable = answer.commands.every(({ command }) => unseenNames(command, entities).length === 0);
  const texts = new Set(answer.commands.map(({ command }) => command));
  const adds = first.commands.some(({ command }) => !texts.has(command));
  // And where several readings are open, looking at none of them helps nobody.
  const isOpen = (first.or?.length ?? 0) > 1;
  if (answer.playbook === null || (!usable && (first.person !== true || isOpen || joined))) return true;
  // What would change nothing is not proposed, whatever words it was told apart by.
  if (first.futile?.includes(answer.class) === true) return true;
  // Too little is known to act at all.
  if (first.sure === 'open') return !mentioned && adds;
  // A line may be written by anyone: it does not take a fix away, it names another beside it.
  if (!answer.needs_human) {
    // But one more start mends no broken configuration: where nothing better fits, what the log says goes first.
    if (answer.class === 'service-failed' && first.sure === 'decisive' && !mentioned) return adds;
    const isOther = answer.class !== first.class || aimsCloser(answer, first, entities);
    return first.sure === 'decisive' && first.person !== true && adds && !mentioned && isOther;
  }
  return adds && first.person !== true;
}

/** It acts on whom its sentence names, where the playbook of the same class only makes room for him. */
function aimsCloser({ commands }: PlaybookAnswer['answer'], first: Shown, entities: readonly Entity[]): boolean {
  const who = entities.filter(({ kind, value }) => (kind === 'process' || kind === 'unit') && value !== '');
  const aims = (text: string): boolean =>
    who.some(({ value }) => isNamed(value, text) && isNamed(value, first.sentence));
  return (
    first.commands.some(({ command }) => aims(command)) &&
    !commands.some(({ command }) => who.some(({ value }) => isNamed(value, command)))
  );
}

/** What the metric says, without the playbook's own reason for calling a person. */
const measured = ({ chain }: PlaybookAnswer['answer']): string => {
  const [first] = chain;
  return first === undefined ? '' : `${first.claim}.`;
};

/** Why the playbooks could not do it, where they could not. */
const whyPerson = ({ root_cause }: PlaybookAnswer['answer']): string =>
  /A person is needed: .*$/.exec(root_cause)?.[0] ?? '';

const claimOf = ({ sentence, evidence }: Shown): Claim => ({ claim: oneLine(sentence, 300), evidence });
const merged = (a: readonly Claim[], b: readonly Claim[]): readonly Claim[] => [...a, ...b];
const limited = (texts: readonly string[]): readonly string[] => [...new Set(texts)].slice(0, MAX_ALTERNATIVES);
