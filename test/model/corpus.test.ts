import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LIMITS } from '../../agent/detect/limits.ts';
import { loadCatalogue } from '../../grammars/catalogue.ts';
import { parsePlan } from '../../grammars/plan.ts';
import { readAnswer } from '../../hub/reason/llama-answer.ts';
import { inWords } from '../../hub/reason/slot-answer.ts';
import { SLOT_LIMITS } from '../../hub/reason/slot-prompt.ts';
import { validateDiagnosis } from '../../hub/reason/validate.ts';
import type { Wordings } from '../../model/cause.ts';
import { CAUSES } from '../../model/causes/all.ts';
import { everyChoice } from '../../model/choice.ts';
import { CATALOGUE, makeSample, PLAYBOOKS, type Sample } from '../../model/corpus.ts';
import { FRAMES } from '../../model/frame.ts';
import { NameMaker, type Split, SYLLABLES } from '../../model/names.ts';
import { CHANGES, DECOYS, INJECTIONS, NOISE, UNTREATED } from '../../model/noise.ts';
import { Random } from '../../model/random.ts';

const SPLITS: readonly Split[] = ['train', 'held'];
const COUNT = 400;
const FIXED_UNIT = /\b(?:chrony|mosquitto|postfix|postgresql)\.service\b/;
const samples: readonly Sample[] = SPLITS.flatMap((split) =>
  Array.from({ length: COUNT }, (_, i) => makeSample(i, split)),
);
const share = (of: (sample: Sample) => boolean): number => samples.filter(of).length / samples.length;

const corpus = suite('the corpus');

corpus('comes out the same for the same seed, and another for another', () => {
  for (const split of SPLITS) {
    const again = Array.from({ length: 20 }, (_, i) => makeSample(i, split));
    assert.equal(
      again.map(({ prompt, answer }) => prompt.incident + answer),
      samples
        .filter((one) => one.split === split)
        .slice(0, 20)
        .map(({ prompt, answer }) => prompt.incident + answer),
    );
  }
  assert.is(new Set(samples.map(({ prompt }) => prompt.incident)).size, samples.length);
});

corpus('has answers that the grammar admits and the validator leaves as they are', () => {
  for (const { answer, class: name, evidence, prompt, seed, split } of samples) {
    const where = `${split} ${seed}: ${prompt.incident}${answer}`;
    assert.is(parsePlan(answer, prompt.plan).class, name, where);
    const read = inWords(
      readAnswer({ text: answer, stop: 'end', pieces: [] }, prompt.plan, evidence),
      evidence,
      PLAYBOOKS,
    );
    const { answer: chosen, rootCause, commands, alternatives } = read;
    const checked = validateDiagnosis(
      {
        ...{
          by: 'model',
          class: name,
          root_cause: rootCause,
          confidence: 0.5,
          ms: 1,
          trace: null,
          alternatives,
          commands,
        },
        chain: [{ claim: rootCause, evidence: chosen.cites }],
        needs_human: chosen.needsHuman,
        playbook: chosen.playbook,
      },
      evidence,
    );
    assert.not.ok('error' in checked, where);
    if ('error' in checked) continue;
    // A playbook that names a unit by itself, and no blank, brings a name that no evidence holds.
    if (commands.some(({ command }) => FIXED_UNIT.test(command))) continue;
    assert.equal(
      checked.notes.filter((note) => !note.startsWith('evidence addresses its reader')),
      [],
      where,
    );
    assert.equal(checked.diagnosis.commands, commands, where);
    assert.is(checked.diagnosis.needs_human, chosen.needsHuman, where);
    if (name === 'unknown') assert.is(checked.diagnosis.needs_human, true, where);
  }
});

corpus('knows every class of the catalogue and of the playbooks', () => {
  const made = new Set([...CAUSES.map((cause) => cause.class), 'unknown']);
  assert.equal(
    CATALOGUE.classes.filter((name) => !made.has(name)),
    [],
  );
  for (const name of loadCatalogue().classes) assert.ok(CATALOGUE.classes.includes(name));
  const sent = new Set(LIMITS.map((limit) => limit.signal));
  for (const { class: name, signals = [] } of CAUSES) {
    for (const signal of signals) assert.ok(sent.has(signal), `${name}: no agent sends ${signal}`);
  }
  for (const { metric } of UNTREATED)
    assert.not.ok(
      LIMITS.some((limit) => limit.metric === metric),
      metric,
    );
});

corpus('keeps names and wordings of its held-out part from training', () => {
  const trained = new Set(SYLLABLES.train);
  for (const syllable of SYLLABLES.held) assert.not.ok(trained.has(syllable), syllable);
  const names = (split: Split) => {
    const maker = new NameMaker(new Random(5), split);
    return new Set(Array.from({ length: 2_000 }, () => maker.word()));
  };
  const learned = names('train');
  for (const name of names('held')) assert.not.ok(learned.has(name), name);
  const all: readonly (Wordings | undefined)[] = [
    ...CAUSES.flatMap(({ lines, files, changes }) => [lines, files, changes]),
    ...[NOISE, DECOYS, CHANGES, INJECTIONS, FRAMES],
  ];
  for (const { train, held } of all.filter((one) => one !== undefined)) {
    assert.ok(train.length >= 3 && held.length >= 1, held.join());
    const learnedTexts = new Set(train.flatMap((wording) => everyChoice(wording)));
    for (const wording of held) {
      for (const text of everyChoice(wording)) assert.not.ok(learnedTexts.has(text), text);
    }
  }
});

corpus('holds what is ambiguous, what is planted, and what fits a small prompt', () => {
  assert.ok(share((one) => one.class === 'unknown') >= 0.2);
  assert.ok(share((one) => one.kind === 'twofold') >= 0.06);
  assert.ok(share((one) => one.planted) >= 0.12);
  for (const { prompt, seed, split } of samples) {
    assert.equal(prompt.leftOut, [], `${split} ${seed}`);
    assert.ok(prompt.tokens <= SLOT_LIMITS.tokens * 2, `${split} ${seed}`);
  }
  for (const { answer, kind } of samples) {
    if (kind === 'twofold') assert.is(JSON.parse(answer).alternatives.length, 2);
  }
});

corpus.run();
