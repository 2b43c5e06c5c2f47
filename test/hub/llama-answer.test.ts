import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memoryIncident } from '../../fixtures/model/incident.ts';
import { loadCatalogue } from '../../grammars/catalogue.ts';
import type { Evidence } from '../../hub/evidence/evidence.ts';
import { readAnswer } from '../../hub/reason/llama-answer.ts';
import type { Decoded } from '../../hub/reason/llama-decode.ts';
import { planInput } from '../../hub/reason/prompt.ts';
import { ReasonError } from '../../hub/reason/reasoner.ts';
import { UNCALIBRATED_CAP } from '../../hub/reason/validate.ts';

const evidence = memoryIncident();
const plan = planInput(loadCatalogue(), evidence);
const answer = {
  class: 'memory-leak',
  root_cause: 'E1 leaks since E3 was upgraded, see E77 and PAGE1',
  cites: ['e2', 'c1', 'e2'],
  playbook: 'group-memory',
  commands: [
    { do: 'process-terminate', with: ['E1'] },
    { do: 'host-memory', with: [] as string[] },
    { do: 'host-memory', with: [] as string[] },
  ],
  alternatives: ['E2 needs it', 'E2 needs it'],
  needs_human: false,
};
const decoded = (text: string, more: Partial<Decoded> = {}): Decoded => ({ text, stop: 'end', pieces: [], ...more });
const refused = (from: Decoded, on: Evidence = evidence): void => {
  assert.throws(
    () => readAnswer(from, plan, on),
    (error: unknown) => error instanceof ReasonError && error.code === 'E_MODEL_OUTPUT',
    from.text,
  );
};

const reading = suite('reading what a model wrote');

reading('puts the names back, and each command once', () => {
  const read = readAnswer(decoded(JSON.stringify(answer)), plan, evidence);
  assert.is(read.rootCause, 'mem-hog (pid 4242) leaks since ingest.service was upgraded, see E77 and PAGE1');
  assert.equal(read.alternatives, ['backup (pid 977) needs it']);
  assert.equal(
    read.commands.map((command) => [command.command, command.rollback]),
    [
      ['kill -TERM 4242', null],
      ['free -m', null],
    ],
  );
});

reading('fills a rollback as it fills its command', () => {
  const nice = { ...answer, class: 'runaway-process', commands: [{ do: 'process-nice', with: ['E2'] }] };
  const { commands } = readAnswer(decoded(JSON.stringify(nice)), plan, evidence);
  assert.is(commands[0]?.command, 'renice -n 10 -p 977');
  assert.is(commands[0]?.rollback, 'renice -n 0 -p 977');
});

reading('repairs nothing', () => {
  const text = JSON.stringify(answer);
  refused(decoded(text, { stop: 'maxTokens' }));
  refused(decoded(text.slice(0, -1)));
  refused(decoded(text.replace('"E1"', '"E2","E1"')));
  refused(decoded(text.replace('"E1"', '"E9"')));
  refused(decoded(text.replace('"E1"', '"4242"')));
});

reading('trusts no entity that changed after the grammar was made', () => {
  const gone = { ...evidence, entities: evidence.entities.filter((entity) => entity.slot !== 'E1') };
  refused(decoded(JSON.stringify(answer)), gone);
  const bent = evidence.entities.map((entity) => (entity.slot === 'E1' ? { ...entity, value: '1; reboot' } : entity));
  refused(decoded(JSON.stringify(answer)), { ...evidence, entities: bent });
});

reading('leaves a slot in a sentence where its name could mislead', () => {
  const sly = evidence.entities.map((entity) =>
    entity.process === undefined ? entity : { ...entity, process: { ...entity.process, comm: '\u001b[2J fine' } },
  );
  const read = readAnswer(decoded(JSON.stringify(answer)), plan, { ...evidence, entities: sly });
  assert.match(read.rootCause, /^pid 4242 leaks/);
});

reading('takes the probability of the class for its confidence, never above the cap', () => {
  const text = JSON.stringify(answer);
  const begin = '{"class":"'.length;
  const end = begin + answer.class.length;
  const sure = [
    { end: begin, probability: 0.001 },
    { end: begin + 4, probability: 0.5 },
    { end, probability: 0.6 },
    { end: text.length, probability: 0.001 },
  ];
  const confidence = (pieces: Decoded['pieces']) => readAnswer(decoded(text, { pieces }), plan, evidence).confidence;
  assert.is(confidence(sure), 0.3);
  assert.is(confidence(sure.map((piece) => ({ ...piece, probability: 1 }))), UNCALIBRATED_CAP);
  assert.is(confidence(sure.map((piece) => ({ ...piece, probability: Number.NaN }))), 0);
  assert.ok(UNCALIBRATED_CAP < 0.8);
});

reading.run();
