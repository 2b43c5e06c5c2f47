import type { Catalogue } from '../../grammars/catalogue.ts';
import { EVIDENCE_LIMITS } from '../evidence/builder.ts';
import type { Entity, Evidence, EvidenceItem, PlaybookMatch } from '../evidence/evidence.ts';
import { isPlanted } from '../evidence/injection.ts';
import { oneLine } from '../evidence/words.ts';
import { type Prompt, planInput, type TokenBudget } from './prompt.ts';
import { itemLine, Names, plainOrFenced } from './prompt-words.ts';
import { ReasonError } from './reasoner.ts';

/**
 * The prompt of a model that was trained for it: it has learned what the longer one explains, so that only the incident
 * is left, and of that only what tells causes apart. One thread reads it in a tenth of a second.
 */
export const SLOT_LIMITS = {
  /** Prompt tokens; more than a small vocabulary needs for what is chosen below, seldom reached. */
  tokens: 640,
  /** Characters of one item: where a line of a log has said what it has to say. */
  item: 120,
  entities: 10,
  playbooks: 5,
  similar: 1,
} as const;

/** How many items of each sort are shown; the sorts in the order in which room is given to them. */
const SHOWN = { metric: 1, line: 5, change: 2, template: 3, fact: 4, process: 2, mount: 1 } as const;
type Sort = keyof typeof SHOWN;

/** Facts that repeat what the metric, the entities or their labels say, or that tell no cause apart. */
const REPEATED =
  /^(?:cores|kernel|uptime_s|memory_total_mib|limit|value|subject|culprit|supervisor|unit|members|entries): /;
/** Of the facts about a folder, those that say most. */
const FOLDER_FACTS = ['grower.1', 'file.1', 'open.1', 'newest.1', 'grower.2', 'file.2'];
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z /;
const COUNTED = /^\d+ times: /;

/** The constant part, by which a model that was trained for another version would be told apart. */
const FIXED = 'incident\n';

/**
 * Writes the evidence for a model that reads slots and only chooses. Same names, same fences as the longer prompt. What
 * was not shown cannot be cited or named. Throws a ReasonError E_MODEL_PROMPT when not even the frame fits.
 */
export function buildSlotPrompt(evidence: Evidence, catalogue: Catalogue, budget: TokenBudget): Prompt {
  const names = new Names(evidence);
  const room = Math.min(budget.tokens, SLOT_LIMITS.tokens) - budget.count(FIXED);
  const playbooks = evidence.playbooks.slice(0, SLOT_LIMITS.playbooks);
  const chosen = byTurns(evidence);
  let text = '';
  let tokens = Number.POSITIVE_INFINITY;
  let items: readonly EvidenceItem[] = [];
  let entities: readonly Entity[] = [];
  // What does not fit goes from the end: the least telling first. A prompt holds at most twenty items.
  for (let count = chosen.length; count >= 0 && tokens > room; count--) {
    const kept = new Set(chosen.slice(0, count));
    items = evidence.items.filter((item) => kept.has(item));
    entities = shownEntities(evidence, items);
    text = incidentText(evidence, names, entities, items, playbooks);
    tokens = budget.count(text);
  }
  if (tokens > room) {
    throw new ReasonError('E_MODEL_PROMPT', `the prompt's frame alone has ${tokens} tokens; there is room for ${room}`);
  }
  const shown = new Set<unknown>([...items, ...entities]);
  const leftOut = chosen.filter((item) => !shown.has(item)).map((item) => item.id);
  const plan = planInput(catalogue, evidence, items, entities);
  return {
    fixed: FIXED,
    incident: text,
    tokens: tokens + budget.count(FIXED),
    leftOut,
    plan: { ...plan, playbooks: playbooks.map((match) => match.id), wordless: true },
  };
}

function incidentText(
  evidence: Evidence,
  names: Names,
  entities: readonly Entity[],
  items: readonly EvidenceItem[],
  playbooks: readonly PlaybookMatch[],
): string {
  const { event, similar } = evidence;
  const word = (text: string) => plainOrFenced(text, names);
  return [
    `${word(event.signal)} ${event.severity}`,
    ...entities.map(({ slot, kind, labels }) => [slot, kind, ...labels.map(word)].join(' ')),
    ...items.map((item) => briefLine(item, names)),
    ...similar
      .slice(0, SLOT_LIMITS.similar)
      .map(({ state, playbook }) => `past ${word(state)} ${playbook === null ? 'none' : word(playbook)}`),
    ...playbooks.map(({ id, mention }) => `playbook ${word(id)}${mention === undefined ? '' : ' told'}`),
    'answer\n',
  ].join('\n');
}

/**
 * Of a process only who it is: its roles stand beside its slot, and its numbers are ranked in them. Of the metric its value
 * and its bound: the rest says once more how far it is beyond that.
 */
function briefLine(item: EvidenceItem, names: Names): string {
  const { id, kind, entities } = item;
  if (kind === 'process' && entities.length > 0) return [id, kind, ...entities].join(' ');
  const text = kind === 'metric' ? item.text.split(', ', 2).join(', ') : item.text.replace(STAMP, '');
  return itemLine({ ...item, text }, names, SLOT_LIMITS.item);
}

/** The first of each sort, then the second of each: what is left out for length does not silence a whole sort. */
function byTurns(evidence: Evidence): readonly EvidenceItem[] {
  const sorts = new Map<Sort, EvidenceItem[]>(Object.keys(SHOWN).map((sort) => [sort as Sort, []]));
  const reason = oneLine(evidence.event.reason, EVIDENCE_LIMITS.text);
  for (const item of evidence.items) {
    const sort = item.kind === 'log' ? (COUNTED.test(item.text) ? 'template' : 'line') : item.kind;
    // The agent's sentence says the metric's numbers once more.
    if (sort === 'fact' && (item.text === reason || REPEATED.test(item.text))) continue;
    // What asks its reader for something is shown to people, who are warned of it, and takes no line's place here.
    if (sort !== 'process' && isPlanted(item)) continue;
    sorts.get(sort)?.push(item);
  }
  // What was written last is nearest to the trouble.
  sorts.get('line')?.reverse();
  sorts.get('fact')?.sort((a, b) => factRank(a) - factRank(b));
  // Templates count what the lines say, where there are any.
  const shown = { ...SHOWN, ...((sorts.get('line')?.length ?? 0) > 0 ? { template: 1 } : {}) };
  const most = Math.max(...Object.values(shown));
  return Array.from({ length: most }, (_, turn) =>
    [...sorts].flatMap(([sort, items]) => items.slice(turn, Math.min(turn + 1, shown[sort]))),
  ).flat();
}

function factRank({ text }: EvidenceItem): number {
  const at = FOLDER_FACTS.indexOf(text.slice(0, text.indexOf(':')));
  if (at >= 0) return at;
  return /^(?:file|open|newest|grower)\.\d+: /.test(text) ? 100 : FOLDER_FACTS.length;
}

/** Those that have a role, then those that a shown item is about. */
function shownEntities(evidence: Evidence, items: readonly EvidenceItem[]): readonly Entity[] {
  const about = new Set(items.flatMap((item) => item.entities));
  const isShown = ({ kind, slot, labels }: Entity) => labels.length > 0 || kind === 'unit' || about.has(slot);
  return [...evidence.entities]
    .filter(isShown)
    .sort((a, b) => Number(b.labels.length > 0) - Number(a.labels.length > 0))
    .slice(0, SLOT_LIMITS.entities);
}
