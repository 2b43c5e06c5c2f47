import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FRONT_DOOR, PATIENCE_MS, Site } from '../e2e/site.ts';
import { hasCommand, needsPackages, ROOT_PATH } from './debian.ts';
import { blocksOf } from './doc-blocks.ts';

/** Every block of docs/operators.md, run word for word by bash against a real hub, agent and ssh-agent. */
const test = suite('operators');
test.before(() => needsPackages(['openssh-client'], () => hasCommand('ssh-keygen') && hasCommand('ssh-agent')));

test('every documented command does what is written there', async () => {
  const site = new Site();
  try {
    const folder = join(site.dir, 'operators');
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    const sentinel = `#!/bin/sh\nexec ${process.execPath} ${FRONT_DOOR} "$@" --state ${site.state.root}\n`;
    writeFileSync(join(bin, 'sentinel'), sentinel);
    chmodSync(join(bin, 'sentinel'), 0o755);
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    const incident = () => site.incidents().find((one) => one.id === id);
    const env = {
      PATH: `${bin}:${dirname(process.execPath)}:${ROOT_PATH}`,
      ...{ HOME: folder, HOST: site.agent, INCIDENT: id },
    };
    /** What each block must print, and what must be so after it. */
    const expected: readonly ((lines: readonly string[]) => unknown)[] = [
      (lines) => assert.equal(lines, []),
      (lines) => {
        assert.equal(lines.slice(0, 2), ['version 2, epoch 1 is in force', 'version 3, epoch 1 is in force']);
        assert.match(lines[3] ?? '', /^ann +admin +SHA256:\S+$/);
        assert.match(lines[4] ?? '', new RegExp(`^bob +approver +SHA256:\\S+ +host:${site.agent}$`));
      },
      async (lines) => {
        assert.equal(lines, [`acknowledged ${id}`, `approved ${id}`]);
        assert.equal([incident()?.acknowledged?.by, incident()?.approval?.by], ['bob', 'ann']);
        await site.until(() => incident()?.results.some(({ state }) => state === 'done'), 'the agent has obeyed ann');
      },
      () => assert.match(readFileSync(join(folder, 'memory.txt'), 'utf8'), 'MemTotal'),
      (lines) => {
        assert.equal(lines.slice(0, 2), ['version 4, epoch 1 is in force', 'version 5, epoch 1 is in force']);
        assert.equal(lines.filter((line) => /^bob .*until version [34]$/.test(line)).length, 2);
      },
      (lines) => assert.ok(lines.includes('1 approvals, each signed by the operator whom it names'), lines.join('\n')),
      (lines) => {
        assert.equal(lines.slice(0, 2), ['version 6, epoch 1 is in force', 'version 7, epoch 1 is in force']);
        assert.equal(lines.slice(-3), [
          'two persons must agree to each plan with a command that needs consent on tag:safety',
          `two persons must agree to every plan on host:${site.agent}`,
          'version 8, epoch 1 is in force',
        ]);
      },
    ];
    const all = blocksOf('docs/operators.md');
    assert.is(all.length, expected.length, 'a block that is not looked at');
    for (const [i, { heading, code }] of all.entries()) {
      const { status, stdout, stderr } = await bash(code, folder, env);
      assert.is(status, 0, `${heading}: ${code}\n${stdout}${stderr}${site.told()}`);
      await expected[i]?.(stdout.split('\n').filter(Boolean));
    }
    const gone = await site.sentinel('incident', 'ack', id, '--key', join(folder, 'id_bob2'));
    assert.is(gone.code, 2);
    assert.match(gone.stderr, 'E_OPERATOR_KEY');
  } finally {
    await site.close();
  }
});

/** Not spawnSync: the site's store is read meanwhile, and its hub's output taken. */
function bash(
  code: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', code], { cwd, env, timeout: PATIENCE_MS });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      said[name] += chunk;
    });
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, ...said })));
}

test.run();
