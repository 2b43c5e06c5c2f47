import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FRONT_DOOR, Site } from '../e2e/site.ts';
import { hasCommand, needsPackages, ROOT_PATH } from './debian.ts';
import { blocksOf, CHECKOUT } from './doc-blocks.ts';

/** Every block of docs/recipes.md, run word for word by bash against a real hub and agent. */
const BLOCK_MS = 120_000;

const test = suite<{ site: Site }>('recipes');

test.before(() => {
  needsPackages(['mosquitto-clients'], () => hasCommand('mosquitto_rr'));
  needsPackages(['python3', 'python3-paho-mqtt', 'python3-cbor2'], () => {
    return spawnSync('python3', ['-c', 'import cbor2, paho.mqtt.client'], { env: { PATH: ROOT_PATH } }).status === 0;
  });
});

/** What each block must print; a block without an entry here fails the test. */
const EXPECTED: readonly ((lines: readonly string[], site: Site) => void)[] = [
  ([line]) => assert.match(line ?? '', 'hub/req/wall/#'),
  (lines) => assert.equal(lines, []),
  ([line], site) => assert.equal([JSON.parse(line ?? '').agent, JSON.parse(line ?? '').state], [site.agent, 'online']),
  (lines, site) => {
    assert.is(lines.length, 2);
    for (const line of lines) {
      assert.ok(line.startsWith(`json/1/${site.agent}/telemetry {`), line);
      const { metrics } = JSON.parse(line.slice(line.indexOf('{')));
      assert.type(metrics['memory.used_percent'], 'number');
    }
  },
  ([line], site) =>
    assert.equal([JSON.parse(line ?? '').host, JSON.parse(line ?? '').signal], [site.agent, 'folder.space']),
  ([line]) => assert.is(JSON.parse(line ?? '').agents.online, 1),
  ([line]) => assert.is(JSON.parse(line ?? '').verdict, 'block'),
  ([line]) => assert.ok(JSON.parse(line ?? '').plan.commands.length > 0),
  ([line]) => assert.equal([JSON.parse(line ?? '').tx, JSON.parse(line ?? '').result.agents.online], [7, 1]),
  (lines, site) => {
    assert.is(lines.length, 2);
    const { topic, message } = JSON.parse(lines[0] ?? '');
    assert.is(topic, `view/1/${site.agent}/telemetry`);
    assert.type(message.metrics['memory.used_percent'], 'number');
  },
  ([line]) => assert.is(JSON.parse(line ?? '').message.signal, 'folder.space'),
  ([line], site) => assert.is(JSON.parse(line ?? '').message.agent, site.agent),
  (lines) =>
    assert.equal(
      lines.map((line) => JSON.parse(line).signed),
      ['verified', 'verified'],
    ),
];

test('every documented command does what is written there', async () => {
  const site = new Site();
  try {
    const folder = join(site.dir, 'recipes');
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    cpSync(join(CHECKOUT, 'docs'), join(folder, 'docs'), { recursive: true });
    symlinkSync(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'));
    // A person would type these in the folder of the hub's state.
    writeFileSync(
      join(bin, 'sentinel'),
      `#!/bin/sh\nexec ${process.execPath} ${FRONT_DOOR} "$@" --state ${site.state.root}\n`,
    );
    chmodSync(join(bin, 'sentinel'), 0o755);
    await site.startHub('--json-views');
    await site.startAgent();
    site.fill();
    await site.reaches('proposed');
    const all = blocksOf('docs/recipes.md');
    assert.is(all.length, EXPECTED.length, 'a block that is not looked at');
    // One shell for all of them: later blocks use the variables of earlier ones.
    let before = '';
    for (const [i, { heading, code }] of all.entries()) {
      const setsVariables = code.startsWith('SECRET=');
      if (setsVariables) before = `${code}\n`;
      const run = spawnSync('bash', ['-euo', 'pipefail', '-c', `${before}${setsVariables ? '' : code}`], {
        cwd: folder,
        encoding: 'utf8',
        timeout: BLOCK_MS,
        env: { PATH: `${bin}:${dirname(process.execPath)}:${ROOT_PATH}`, HOME: folder },
      });
      assert.is(run.status, 0, `${heading}: ${code}\n${run.stdout}${run.stderr}${site.told()}`);
      EXPECTED[i]?.(run.stdout.split('\n').filter(Boolean), site);
    }
  } finally {
    await site.close();
  }
});

test.run();
