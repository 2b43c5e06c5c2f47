import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomLlama } from '../../fixtures/model/random-llama.ts';
import type { Replayed } from '../../hub/replay/replay.ts';
import { Site } from '../e2e/site.ts';

/** The command over the store of a hub that runs; then with another model in the place of the one that answered. */
async function replayedOnce(site: Site, id: string, file: string): Promise<void> {
  const again = await site.sentinel('replay', id, '--json');
  assert.is(again.code, 0, `${again.stdout}\n${again.stderr}`);
  const { same, parts, changed } = JSON.parse(again.stdout) as Replayed;
  assert.ok(same);
  assert.ok(parts.some(({ part }) => part === 'model tiny'));
  assert.ok(parts.some(({ part }) => part === 'routing'));
  assert.equal(changed, []);
  const lines = await site.sentinel('replay', id, '--with', 'none');
  assert.is(lines.code, 0, lines.stderr);
  assert.match(lines.stdout, /decided alike\n\s+then\s[^\n]*folder-full/);
  rmSync(file);
  const without = await site.sentinel('replay', id);
  assert.is(without.code, 1);
  assert.match(without.stdout, /model tiny\s+not made again: no model with sha256 [0-9a-f]{64}: \S+ is not there/);
  assert.is((await site.sentinel('replay', 'NOSUCH')).code, 2);
}

/** A model beside the rules: it may add an answer, and may never cost the hub or an incident. */
const model = suite('a model at the hub');

model('a real GGUF reasons under its grammar beside the rules, and its trace is kept', async () => {
  const site = new Site();
  const made = join(site.dir, 'tiny.gguf');
  const file = join(site.state.models, 'tiny.gguf');
  randomLlama(made);
  try {
    const pulled = await site.sentinel('model', 'pull', made, '--use');
    assert.is(pulled.code, 0, pulled.stderr);
    // The one that was chosen.
    site.model = [];
    await site.startHub('--live');
    await site.until(() => /the model is ready/.test(site.log), 'the model');
    await site.startAgent('--live');
    site.fill();
    const proposed = await site.reaches('proposed', 'escalated');
    const by = proposed.diagnoses.map((one) => one.by);
    assert.ok(by.includes('rules') && by.includes('tiny'), `${by}\n${site.told()}`);
    const trace = proposed.diagnoses.find((one) => one.by === 'tiny')?.trace;
    assert.match(trace?.model_sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.ok(trace?.prompt && trace.grammar && trace.output);
    assert.is(proposed.state, 'proposed', 'noise from a random model does not take the rules’ plan away');
    assert.is(proposed.plan?.playbook, 'folder-full');
    await site.until(() => site.incidents().find(({ id, route }) => id === proposed.id && route), 'its way');
    await replayedOnce(site, proposed.id, file);
  } finally {
    await site.close();
  }
});

model('a malformed or missing GGUF is named in the log, and the hub goes on with rules', async () => {
  const site = new Site();
  const malformed = join(site.dir, 'broken.gguf');
  randomLlama(malformed, { drop: ['llama.feed_forward_length'] });
  const noise = join(site.dir, 'noise.gguf');
  writeFileSync(noise, Buffer.alloc(4_096, 7));
  try {
    for (const file of [malformed, noise, join(site.dir, 'absent.gguf')]) {
      const before = site.log.length;
      await site.startHub('--live', '--model', file);
      await site.until(
        () => /going on with rules alone. E_MODEL/.test(site.log.slice(before)),
        `the refusal of ${file}`,
      );
      assert.is(site.hub?.exitCode, null, 'the hub lives');
      if (site.hub) {
        const gone = new Promise((resolve) => site.hub?.once('exit', resolve));
        site.hub.kill('SIGTERM');
        await gone;
      }
    }
    await site.startHub('--live', '--model', malformed);
    await site.startAgent('--live');
    site.fill();
    assert.is((await site.reaches('proposed')).plan?.by, 'rules');
  } finally {
    await site.close();
  }
});

model.run();
