import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { manifestOf } from '../../model/manifest.ts';
import { tempFolder } from '../broker/site.ts';

const test = suite('making a model');
const BUILD = fileURLToPath(new URL('../../model/build-model.js', import.meta.url));

test('a manifest has the calibration of its own model and of no other', () => {
  const gguf = new TextEncoder().encode('GGUF and so on');
  const sha256 = createHash('sha256').update(gguf).digest('hex');
  const calibration = [{ from: 0.5, faults: 20, right: 18 }];
  const making = { corpus: 2, seed: 1, samples: 9, steps: 1, trained: '2026-11-26' };
  const made = manifestOf(gguf, { sha256, calibration }, making);
  assert.equal(made, { file: 'sentinel.gguf', sha256, bytes: gguf.length, ...making, calibration });
  assert.throws(() => manifestOf(gguf, { sha256: '0'.repeat(64), calibration }, making), /not of/);
  assert.throws(() => manifestOf(gguf, { sha256: '', calibration }, making), /no model/);
});

test('a training goes on with its own corpus alone', () => {
  const { path: out, done } = tempFolder();
  try {
    const build = (seed: string) => {
      // In the place of Python: it trains nothing, and the steps behind it are not reached.
      const argv = ['--steps', '1', '--samples', '20', '--seed', seed, '--out', out, '--python', '/bin/false'];
      const { status, stdout, stderr } = spawnSync(process.execPath, [BUILD, ...argv], { encoding: 'utf8' });
      return { status, stderr, trains: stdout.includes('train.py') };
    };
    const first = build('1');
    assert.equal([first.status, first.trains], [1, true], first.stderr);
    // Before its first checkpoint there is nothing to go on from.
    assert.is(build('2').trains, true);
    writeFileSync(join(out, 'checkpoint.pt'), 'weights');
    assert.is(build('2').trains, true, 'the same again');
    const note = readFileSync(join(out, 'corpus.sha256'), 'utf8');
    const other = build('1');
    assert.equal([other.status, other.trains], [2, false]);
    assert.match(other.stderr, /a checkpoint of another corpus: repeat its --seed and --samples/);
    assert.is(readFileSync(join(out, 'corpus.sha256'), 'utf8'), note);
    assert.is(readFileSync(join(out, 'checkpoint.pt'), 'utf8'), 'weights');
  } finally {
    done();
  }
});

test.run();
