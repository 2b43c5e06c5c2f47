import { change } from '../agent/changes/change.ts';
import { withUnit } from '../agent/detect/finding.ts';
import { maskedWords } from '../agent/sense/logs/mask.ts';
import type { Event, Said, Snapshot } from '../broker/messages.ts';
import { buildEvidence } from '../hub/evidence/builder.ts';
import type { Evidence, SimilarIncident } from '../hub/evidence/evidence.ts';
import { splitMetric } from '../hub/evidence/names.ts';
import type { PlaybookIndex } from '../hub/reason/retrieval.ts';
import { babble } from './babble.ts';
import type { Cause } from './cause.ts';
import { findingOf, limitOf, unusual } from './finding.ts';
import { framed } from './frame.ts';
import { NameMaker, type Split } from './names.ts';
import { CHANGES, DECOYS, INJECTIONS, NOISE } from './noise.ts';
import { folderOf, placeFor } from './place.ts';
import { processesOf } from './processes.ts';
import type { Random } from './random.ts';
import { worn } from './wear.ts';
import { makeWorld, say, type World } from './world.ts';

/** One made-up incident as the hub would record it, and the texts that give its cause away. */
export interface MadeIncident {
  readonly evidence: Evidence;
  readonly world: World;
  readonly telling: readonly string[];
  readonly planted: boolean;
}

/** Where in time it all happens: any fixed moment would do, and the same corpus must come out every time. */
const BEGIN = 1_790_000_000_000;
const SHARE = {
  train: { planted: 0.35, decoy: 0.35, similar: 0.15 },
  held: { planted: 0.14, decoy: 0.22, similar: 0.15 },
} as const;
/** How many of the harmless lines that are learned from are of words in any order. */
const BABBLED = 0.5;

/**
 * Makes an incident under a signal, with what its causes show: one of them, none where the cause is not to be known, two
 * where both could be it.
 */
export function makeIncident(
  random: Random,
  split: Split,
  { signal, causes }: { readonly signal: string | null; readonly causes: readonly Cause[] },
  playbooks: PlaybookIndex,
): MadeIncident {
  const names = new NameMaker(random, split);
  const now = BEGIN + random.int(0, 300) * 86_400_000 + random.int(0, 86_000) * 1_000;
  const [first] = causes;
  const place = placeFor(random, names, first, signal);
  const world = makeWorld(random, names, place.mount);
  const words = (wording: string) => say(wording, world, random, names);
  const said = (wording: string) => worn(words(framed(wording, split, random)), split, random);
  const harmless = (wording: string) => said(split === 'train' && random.chance(BABBLED) ? babble(random) : wording);
  const label = signal === null ? '' : place.label(limitOf(signal).metric, world);
  const finding = signal === null ? unusual(random) : findingOf(random, signal, label, now);
  const { base } = splitMetric(finding.metric);

  const share = SHARE[split];
  const planted = random.chance(share.planted);
  const decoys = random.chance(share.decoy) ? [random.pick(DECOYS[split])] : [];
  const noise = [...random.some(NOISE[split], random.int(1, 4)).map(harmless), ...decoys.map(said)];
  const injected = planted ? [words(random.pick(INJECTIONS[split]))] : [];
  const told = causes.flatMap(({ lines }) =>
    lines === undefined ? [] : random.some(lines[split], causes.length > 1 ? 1 : random.int(1, 2)).map(said),
  );
  const shown = processesOf(random, names, world, {
    base,
    cause: first,
    group: base.startsWith('group.') ? label : undefined,
  });
  const files = first?.files === undefined ? [] : random.some(place.paths(first.files[split]), 3).map(words);
  const folder = folderOf(base, label, files, place.mount, words);
  const facts = factsOf(random, { finding, label, base, world, files, folder, names, ...shown.facts });
  const lines = [...noise.slice(0, 4), ...random.shuffled([...told, ...injected, ...noise.slice(4)])];
  const hasSource = /^(?:unit|log|kernel)\./.test(base) || shown.facts.culprit !== undefined;
  const changed = random.some(CHANGES[split], random.int(0, 2)).map(words);
  const decisive =
    first?.changes !== undefined && causes.length === 1 ? [words(random.pick(first.changes[split]))] : [];

  const snapshot: Snapshot = {
    ...shown.lists,
    mounts: place.mounts(random, names, base, finding.value),
    unit_lines: hasSource ? lines.map((text, i) => stamped(text, now - (lines.length - i) * 3_000)) : [],
    log_templates: (hasSource ? noise.slice(0, 2) : lines).map((text) => ({
      template: { text: maskedWords(text).join(' '), trusted: false },
      count: random.int(1, 60) + (told.includes(text) ? 60 : 0),
    })),
    changes: [...changed, ...decisive].map((text) =>
      change(now - random.int(2, 400) * 60_000, text, /^packages /.test(text)),
    ),
    facts,
  };
  const event: Event = {
    ...finding,
    ...{ agent: world.host, boot: '0123456789abcdef', seq: random.int(1, 9_000), ts: now, snapshot },
  };
  const evidence = buildEvidence({
    ...{ incidentId: '01JZZZZZZZZZZZZZZZZZZZZZZZ', host: world.host, event, now: now + 400 },
    similar: random.chance(share.similar) ? [past(random, words(random.pick(NOISE[split])))] : [],
    playbooks: playbooks.match(event),
    service: {},
    units: [world.unit, `${world.other}.service`],
  });
  const telling = [...told, ...decisive, ...files.map((path) => ` ${path}`)];
  return { evidence, world, telling: hasSource ? telling : telling.map(masked(told)), planted };
}

const masked = (told: readonly string[]) => (text: string) =>
  told.includes(text) ? maskedWords(text).join(' ') : text;
const stamped = (text: string, ts: number): Said => ({ text: `${new Date(ts).toISOString()} ${text}`, trusted: false });
const past = (random: Random, title: string): SimilarIncident => ({
  ...{ id: '01JYYYYYYYYYYYYYYYYYYYYYYY', title, opened: BEGIN - 86_400_000 },
  state: random.pick(['resolved', 'escalated', 'rejected', 'failed']),
  playbook: null,
});

interface FactInput {
  readonly finding: { readonly value: number; readonly limit: { readonly value: number } };
  readonly label: string;
  readonly base: string;
  readonly world: World;
  readonly files: readonly string[];
  readonly folder: string | null;
  readonly names: NameMaker;
  readonly culprit?: number;
  readonly supervisor?: number;
  readonly unit?: string;
}

/** The facts that an agent's look adds (agent/capture.ts, agent/capture-folder.ts), in its own words. */
function factsOf(
  random: Random,
  { finding, label, base, world, files, folder, names, ...about }: FactInput,
): Snapshot['facts'] {
  const ours = (text: string): Said => ({ text, trusted: true });
  const theirs = (text: string): Said => ({ text, trusted: false });
  const facts: Record<string, Said> = {
    cores: ours(String(random.pick([2, 4, 8, 16]))),
    kernel: ours(`6.1.0-${random.int(10, 40)}-amd64`),
    uptime_s: ours(String(random.int(4_000, 9_000_000))),
    memory_total_mib: ours(String(random.pick([1_960, 3_920, 7_840, 15_900, 64_200]))),
    limit: ours(withUnit(finding.limit.value, '')),
    value: ours(withUnit(finding.value, '')),
    ...(label === '' ? {} : { subject: ours(label) }),
  };
  if (base.startsWith('group.')) {
    facts['group'] = ours(label);
    facts['members'] = ours(String(random.int(1, 6)));
  }
  if (about.culprit !== undefined) facts['culprit'] = ours(String(about.culprit));
  if (about.supervisor !== undefined) facts['supervisor'] = ours(String(about.supervisor));
  if (base.startsWith('unit.')) facts['unit'] = ours(label);
  else if (about.unit !== undefined) facts['unit'] = ours(about.unit);
  if (folder === null) return facts;
  facts['path'] = ours(folder);
  facts['entries'] = ours(String(random.int(40, 90_000)));
  const small = `${folder === '/' ? '' : folder}/${names.word()}/${names.word()}.cfg`;
  [...files, small].forEach((path, i) => {
    facts[`file.${i + 1}`] = theirs(`${i < files.length ? random.int(200, 9_000) : random.int(1, 40)} MiB ${path}`);
  });
  const [largest] = files;
  if (largest !== undefined && random.chance(0.5)) {
    facts['grower.1'] = theirs(
      `+${random.int(50, 900)} MiB in ${random.int(2, 90)} min, now ${random.int(900, 9_000)} MiB: ${largest}`,
    );
  }
  if (about.culprit !== undefined) {
    facts['open.1'] = theirs(`pid ${world.pid}: ${random.int(1, 9)} written, 0 read, for instance ${largest ?? small}`);
  }
  return facts;
}
