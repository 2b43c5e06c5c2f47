import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT_USAGE } from '../../agent/agent-command.ts';
import { BOUNDS } from '../../agent/bound/bounds.ts';
import { EXEC_USAGE } from '../../agent/exec/exec-command.ts';
import { AGENT_NODE_FLAGS } from '../../agent/node-flags.ts';

/** What docs/exec.md tells an operator to type exists, and so do the codes that it explains. */
const test = suite('docs/exec.md');
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const text = readFileSync(join(ROOT, 'docs/exec.md'), 'utf8');
const units = readdirSync(join(ROOT, 'agent/units')).filter((name) => /\.(?:service|socket)$/.test(name));

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (path.endsWith('.ts')) yield readFileSync(path, 'utf8');
  }
}

test('every flag that it shows is one of the command’s', () => {
  const usage: Readonly<Record<string, string>> = { exec: EXEC_USAGE, agent: AGENT_USAGE };
  let seen = 0;
  for (const [, command = '', rest = ''] of text.matchAll(/^ {4}sentinel (exec|agent) (.*)$/gm)) {
    for (const [flag] of rest.matchAll(/--[a-z]+/g)) {
      seen++;
      assert.ok(usage[command]?.includes(flag), `sentinel ${command} ${flag}`);
    }
  }
  assert.ok(seen >= 9);
});

test('every unit that it starts is there, with the flags that agents are started with', () => {
  const named = [...text.matchAll(/sentinel-[a-z]+\.(?:service|socket)/g)].map(([name]) => name);
  assert.ok(named.length >= 2);
  for (const name of named) assert.ok(existsSync(join(ROOT, 'agent/units', name)), name);
  for (const name of units.filter((unit) => unit.endsWith('.service'))) {
    const unit = readFileSync(join(ROOT, 'agent/units', name), 'utf8');
    // What sees an upgrade through is the code of the version before, where the executor keeps it.
    const code = name === 'sentinel-upgrade.service' ? '/var/lib/sentinel-exec/' : '/opt/';
    assert.ok(unit.includes(`ExecStart=/usr/bin/node ${AGENT_NODE_FLAGS.join(' ')} ${code}`), name);
  }
});

test('every code that it explains is one of the agent’s', () => {
  const agent = [...sources(join(ROOT, 'agent')), ...sources(join(ROOT, 'broker'))].join('\n');
  const codes = new Set([...text.matchAll(/`(E_[A-Z_]+)`/g)].map(([, code = '']) => code));
  assert.ok(codes.size >= 15);
  for (const code of codes) assert.ok(agent.includes(`'${code}'`), code);
});

test('the bounds that it names are those that hold', () => {
  assert.match(
    text,
    `${BOUNDS.processes} processes, 1 GiB or half of the memory, ${BOUNDS.output / 1_048_576} MiB of output`,
  );
});

test.run();
