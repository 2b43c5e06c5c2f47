import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROBE_IDS } from '../../broker/probe-catalogue.ts';
import { Site } from './site.ts';

/** Questions from the command line to a real agent, in dry run: they only read. */
const test = suite('probes');

test('an operator asks a host what fills its folder; the answer is printed, and kept with the incident', async () => {
  const site = new Site();
  try {
    const listed = await site.sentinel('incident', 'probe');
    assert.equal(
      listed.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
      [...PROBE_IDS],
    );
    await site.startHub();
    await site.startAgent();
    site.fill();
    const { id } = await site.reaches('proposed');

    const asked = await site.sentinel('incident', 'probe', id, 'largest_folders', site.spool, '--json');
    assert.is(asked.code, 0, asked.stderr);
    const answer = JSON.parse(asked.stdout);
    assert.is(answer.state, 'done');
    assert.ok(
      answer.lines.some(({ text }: { text: string }) => text.includes(site.spool)),
      asked.stdout,
    );

    const elsewhere = await site.sentinel('incident', 'probe', id, 'largest_folders', '/etc');
    assert.equal([elsewhere.code, /E_PROBE_NAME/.test(elsewhere.stderr)], [1, true], elsewhere.stderr);
    const kept = JSON.parse((await site.sentinel('incident', 'show', id, '--json')).stdout);
    assert.equal(
      kept.probes.map(({ probe, name, state }: Record<string, string>) => [probe, name, state]),
      [['largest_folders', site.spool, 'done']],
    );
    assert.match((await site.sentinel('incident', 'show', id)).stdout, /probe largest_folders \S+ \(.+\): done/);
    assert.is((await site.sentinel('audit', 'verify')).code, 0);
  } finally {
    await site.close();
  }
});

test.run();
