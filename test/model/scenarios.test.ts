import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readScenarios } from '../../hub/eval/scenario.ts';
import type { Cause, Wordings } from '../../model/cause.ts';
import { CAUSES } from '../../model/causes/all.ts';
import { everyChoice } from '../../model/choice.ts';
import { makeSample } from '../../model/corpus.ts';
import { CHANGES, DECOYS, NOISE } from '../../model/noise.ts';

/** A model is measured on the scenarios: nothing of them may be what it learned from. */
const FOLDER = fileURLToPath(new URL('../../../fixtures/scenarios/', import.meta.url));
const scenarios = readdirSync(FOLDER).flatMap((name) => readScenarios(FOLDER + name));

const corpus = suite('the corpus and the scenarios');

/** A wording with all that it leaves open taken out: what must not be a scenario's line. */
const bare = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\{[a-z]+\}/g, ' ')
    .replace(/[^a-z]+/g, ' ')
    .trim();
const wordingsOf = ({ lines, changes }: Cause): readonly (Wordings | undefined)[] => [lines, changes];

corpus('say nothing in the same words', () => {
  assert.ok(scenarios.length > 50, String(scenarios.length));
  const learned = new Set(
    [...CAUSES.flatMap(wordingsOf), NOISE, DECOYS, CHANGES].flatMap((one) =>
      (one?.train ?? []).flatMap(everyChoice).map(bare),
    ),
  );
  assert.ok(learned.size > 1_000, String(learned.size));
  const said = scenarios.flatMap(({ situation }) => [
    ...situation.logs.map(({ msg }) => msg),
    ...situation.recent_changes.map(({ what }) => what),
  ]);
  assert.ok(said.length > 50, String(said.length));
  const same = said.filter((text) => bare(text).split(' ').length > 2 && learned.has(bare(text)));
  assert.equal(same, []);
});

corpus('share no host and no process', () => {
  const names = new Set(
    scenarios.flatMap(({ situation }) => [situation.host, ...situation.top_processes.map(({ cmd }) => cmd)]),
  );
  assert.ok(names.size > 100, String(names.size));
  const made = Array.from({ length: 300 }, (_, i) => JSON.stringify(makeSample(i, 'train').evidence)).join('\n');
  for (const name of names) assert.not.ok(made.includes(JSON.stringify(name).slice(1, -1)), name);
});

corpus.run();
