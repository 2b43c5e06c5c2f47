import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hostileIncident, memoryIncident } from '../../fixtures/model/incident.ts';
import { randomLlama } from '../../fixtures/model/random-llama.ts';
import { fillTemplate, loadCatalogue } from '../../grammars/catalogue.ts';
import type { Evidence } from '../../hub/evidence/evidence.ts';
import { openLlamaReasoner } from '../../hub/reason/llama.ts';
import { type Diagnosis, ReasonError, type Reasoner, type Watcher } from '../../hub/reason/reasoner.ts';

/** Far above what a plan of the fixture takes: it is there to end a hanging test, not to measure. */
const PATIENCE_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'sentinel-llama-'));
const never = () => new AbortController().signal;

/** Opens a random model of one seed; `slow` makes it large enough to be interrupted. */
async function open(seed: number, slow = false, log: (line: string) => void = () => {}): Promise<Reasoner> {
  const file = join(folder, `random-${seed}${slow ? '-slow' : ''}.gguf`);
  randomLlama(file, slow ? { seed, width: 128, layers: 4, feedForward: 256 } : { seed });
  return openLlamaReasoner({ file, maxThreads: 1, deadlineMs: PATIENCE_MS, log });
}

/** Every command that the catalogue can make of names that this incident really has. */
function possibleCommands(evidence: Evidence): ReadonlySet<string> {
  const of = (kind: string) => evidence.entities.filter((entity) => entity.kind === kind).map((entity) => entity.value);
  const names = [
    ...of('process').map((pid) => ({ pid })),
    ...of('unit').map((unit) => ({ unit })),
    ...of('mount').map((mount) => ({ mount })),
    ...of('folder').map((path) => ({ folder: path })),
    {},
  ];
  const all = new Set<string>();
  for (const { template } of loadCatalogue().commands) {
    for (const name of names) {
      try {
        all.add(fillTemplate(template, name));
      } catch {
        // A name of another kind, or one that no command may carry.
      }
    }
  }
  return all;
}

function checkDiagnosis(diagnosis: Diagnosis, evidence: Evidence): void {
  const possible = possibleCommands(evidence);
  for (const { command } of diagnosis.commands) assert.ok(possible.has(command), command);
  assert.ok(loadCatalogue().classes.includes(diagnosis.class));
  assert.ok(diagnosis.confidence >= 0 && diagnosis.confidence < 0.8, String(diagnosis.confidence));
  assert.ok(diagnosis.alternatives.length <= 3);
  const ids = evidence.items.map((item) => item.id);
  for (const claim of diagnosis.chain) for (const id of claim.evidence) assert.ok(ids.includes(id), id);
  const playbooks = evidence.playbooks.map((match) => match.id);
  assert.ok(diagnosis.playbook === null || playbooks.includes(diagnosis.playbook));
}

const timedOut = (error: unknown): boolean => error instanceof ReasonError && error.code === 'E_MODEL_TIMEOUT';

const any = suite('any model under the grammar');

any(
  'answers with commands of the catalogue on this incident, whatever its weights and whatever the evidence says',
  async () => {
    let commands = 0;
    for (const seed of [1, 2, 5]) {
      const reasoner = await open(seed);
      for (const evidence of [memoryIncident(), hostileIncident()]) {
        const diagnosis = await reasoner.diagnose(evidence, never());
        checkDiagnosis(diagnosis, evidence);
        commands += diagnosis.commands.length;
      }
      await reasoner.close();
    }
    assert.ok(commands > 0, 'or the check above saw nothing');
  },
);

const replay = suite('a decision of a model');
let kept: Diagnosis | undefined;

replay('is the same twice, in this process and with another past', async () => {
  const reasoner = await open(3);
  const first = await reasoner.diagnose(memoryIncident(), never());
  await reasoner.diagnose(hostileIncident(), never());
  const second = await reasoner.diagnose(memoryIncident(), never());
  assert.equal({ ...second, ms: 0 }, { ...first, ms: 0 });
  await reasoner.close();
  const again = await open(3);
  assert.is((await again.diagnose(memoryIncident(), never())).trace?.output, first.trace?.output);
  await again.close();
  kept = first;
});

replay('is read along as it is written', async () => {
  const reasoner = await open(3);
  const stages: string[] = [];
  const pieces: string[] = [];
  const watcher: Watcher = { stage: (name) => void stages.push(name), wrote: (piece) => void pieces.push(piece) };
  const { trace } = await reasoner.diagnose(memoryIncident(), never(), watcher);
  await reasoner.close();
  assert.is(pieces.join(''), trace?.output);
  assert.ok(pieces.length > 50, `${pieces.length} pieces`);
  assert.equal(stages, ['answer']);
});

replay('keeps what reproduces it', () => {
  const { trace, by } = kept ?? {};
  const file = join(folder, 'random-3.gguf');
  assert.is(by, 'random-3');
  assert.is(trace?.model_file, file);
  assert.is(trace?.model_sha256, createHash('sha256').update(readFileSync(file)).digest('hex'));
  assert.match(trace?.llama_build ?? '', /llama\.cpp \S+ prebuilt$/);
  assert.match(trace?.backend ?? '', /^cpu \S/);
  assert.is(trace?.threads, 1);
  assert.is(trace?.stop, 'end');
  assert.match(trace?.prompt ?? '', 'e2 process <<pid E1 E1');
  assert.match(trace?.grammar ?? '', /^root ::= /m);
  assert.type(JSON.parse(trace?.output ?? ''), 'object');
});

replay('says what was left out of too much evidence', async () => {
  const lines: string[] = [];
  const reasoner = await open(1, false, (line) => lines.push(line));
  const calm = memoryIncident();
  const items = Array.from({ length: 200 }, (_, i) => ({
    id: `e${i + 1}`,
    kind: 'log' as const,
    text: `line ${i} ${'x'.repeat(100)}`,
    trusted: false,
    entities: [],
  }));
  const diagnosis = await reasoner.diagnose({ ...calm, items }, never());
  await reasoner.close();
  checkDiagnosis(diagnosis, { ...calm, items });
  assert.match(diagnosis.trace?.prompt ?? '', /^Left out for length: .*\be200\b/m);
  assert.ok(lines.some((line) => /left out for length/.test(line)));
});

const time = suite('time and a model');
let slow: Reasoner;
time.before(async () => {
  slow = await open(1, true);
});

time('that is up ends the call with its code, and the next call works', async () => {
  const expected = await slow.diagnose(memoryIncident(), never());
  for (const wait of [0, 1, 15]) {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), wait);
    const error = await slow.diagnose(hostileIncident(), abort.signal).catch((reason: unknown) => reason);
    assert.ok(timedOut(error), String(error));
  }
  const error = await slow.diagnose(memoryIncident(), AbortSignal.abort()).catch((reason: unknown) => reason);
  assert.ok(timedOut(error), String(error));
  const after = await slow.diagnose(memoryIncident(), never());
  assert.is(after.trace?.output, expected.trace?.output);
});

time('that the reasoner itself was given is kept too', async () => {
  const file = join(folder, 'deadline.gguf');
  randomLlama(file, { width: 128, layers: 4, feedForward: 256 });
  const reasoner = await openLlamaReasoner({ file, maxThreads: 1, deadlineMs: 1, log: () => {} });
  const error = await reasoner.diagnose(memoryIncident(), never()).catch((reason: unknown) => reason);
  assert.ok(timedOut(error), String(error));
  await reasoner.close();
});

time('of calls at once is one after another, each with its own signal', async () => {
  const abort = new AbortController();
  const first = slow.diagnose(memoryIncident(), never());
  const second = slow.diagnose(hostileIncident(), abort.signal).catch((reason: unknown) => reason);
  const third = slow.diagnose(memoryIncident(), never());
  abort.abort();
  assert.ok(timedOut(await second), 'a call may end while it still waits');
  assert.is((await third).trace?.output, (await first).trace?.output);
});

time('goes on for everything else while a model decodes', async () => {
  let turns = 0;
  let done = false;
  const turn = (): void => {
    turns++;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  const diagnosis = await slow.diagnose(memoryIncident(), never());
  done = true;
  // Tokens come from other threads: a free loop turns at least once for each, a blocked one only at the end.
  const tokens = diagnosis.trace?.output.length ?? 0;
  assert.ok(tokens > 100 && turns >= tokens / 2, `${turns} turns of the loop while ${tokens} tokens were written`);
});

time('is over for a closed model', async () => {
  const running = slow.diagnose(memoryIncident(), never()).catch((reason: unknown) => reason);
  await slow.close();
  assert.ok(timedOut(await running));
  const error = await slow.diagnose(memoryIncident(), never()).catch((reason: unknown) => reason);
  assert.ok(timedOut(error), String(error));
  await slow.close();
});

time.after(() => rmSync(folder, { recursive: true, force: true }));

any.run();
replay.run();
time.run();
