import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomLlama } from '../../fixtures/model/random-llama.ts';
import { openLlamaReasoner } from '../../hub/reason/llama.ts';
import { ReasonError } from '../../hub/reason/reasoner.ts';

const folder = mkdtempSync(join(tmpdir(), 'sentinel-broken-'));
const path = (name: string): string => join(folder, name);

/** The error that opening the file ends with; null when it opens. */
async function opening(file: string, probeDeadlineMs = 120_000, maxThreads = 1): Promise<ReasonError | null> {
  try {
    const options = { file, maxThreads, deadlineMs: 60_000, log: () => {}, probeDeadlineMs };
    await (await openLlamaReasoner(options)).close();
    return null;
  } catch (error) {
    if (error instanceof ReasonError) return error;
    throw error;
  }
}

const broken = suite('a file that is no model');

broken('that would abort the process ends only its probe', async () => {
  for (const key of ['llama.feed_forward_length', 'llama.attention.head_count']) {
    const file = path(`${key}.gguf`);
    randomLlama(file, { drop: [key] });
    const error = await opening(file);
    assert.is(error?.code, 'E_MODEL_CRASHED', `${key}: ${error?.message}`);
    assert.match(error?.message ?? '', /SIGABRT/);
  }
});

broken('that llama.cpp refuses says so', async () => {
  for (const part of ['general.architecture', 'tokenizer.ggml.tokens', 'blk.0.attn_q.weight']) {
    const file = path(`${part}.gguf`);
    randomLlama(file, { drop: [part] });
    const error = await opening(file);
    assert.is(error?.code, 'E_MODEL_LOAD', `${part}: ${error?.message}`);
  }
});

broken('that is cut, or of any bytes, says so', async () => {
  randomLlama(path('whole.gguf'));
  const whole = readFileSync(path('whole.gguf'));
  writeFileSync(path('cut-data.gguf'), whole.subarray(0, whole.length - 20_000));
  writeFileSync(path('cut-head.gguf'), whole.subarray(0, 300));
  writeFileSync(path('text.gguf'), 'GGUF is what this file says it is\n'.repeat(50));
  const noise = Buffer.from(whole);
  for (let i = 24; i < noise.length; i += 7) noise[i] = (i * 151) & 0xff;
  writeFileSync(path('noise.gguf'), noise);
  for (const name of ['cut-data', 'cut-head', 'text', 'noise']) {
    const error = await opening(path(`${name}.gguf`));
    assert.ok(error?.code === 'E_MODEL_LOAD' || error?.code === 'E_MODEL_CRASHED', `${name}: ${error?.message}`);
  }
});

broken('that is empty, a folder or missing is not even tried', async () => {
  writeFileSync(path('empty.gguf'), '');
  mkdirSync(path('folder.gguf'));
  const cases: readonly (readonly [string, RegExp])[] = [
    ['empty.gguf', /the file is empty/],
    ['folder.gguf', /not a regular file/],
    ['missing.gguf', /ENOENT/],
  ];
  for (const [name, message] of cases) {
    const error = await opening(path(name));
    assert.is(error?.code, 'E_MODEL_LOAD', name);
    assert.match(error?.message ?? '', message);
  }
});

broken('in time is not waited for', async () => {
  randomLlama(path('slow.gguf'));
  const error = await opening(path('slow.gguf'), 1);
  assert.is(error?.code, 'E_MODEL_LOAD');
  assert.match(error?.message ?? '', /no answer within 1 ms/);
});

broken('is refused like a number of threads that is none', async () => {
  randomLlama(path('threads.gguf'));
  for (const threads of [0, -1, 1.5, Number.NaN]) {
    assert.is((await opening(path('threads.gguf'), 120_000, threads))?.code, 'E_MODEL_LOAD', String(threads));
  }
});

broken('does not spoil the next one', async () => {
  randomLlama(path('good.gguf'));
  assert.is(await opening(path('good.gguf')), null);
});

broken.after(() => rmSync(folder, { recursive: true, force: true }));

broken.run();
