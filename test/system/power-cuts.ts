import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { fileOf } from '../../pack/archive.ts';
import { writeDeb } from '../../pack/debian.ts';
import { drawn } from './drawn.ts';
import { fillWithUpgrades, joinAgent, MESH_UPGRADE } from './power-upgrades.ts';
import { begin, STICK, WORKS, type Work } from './power-works.ts';
import { PoweredHost } from './powered-host.ts';
import { stickOf, VERSIONS } from './releases.ts';

/** A step may go on for so long before the power fails in it. */
const INTO_STEP_MS = 200;

/** What the cuts have shown. */
export interface CutsFound {
  readonly cuts: number;
  /** Those that came before the work was at its end. */
  readonly short: number;
  /** Works that were cut short at least once. */
  readonly works: readonly string[];
}

/**
 * Cuts the power of a booted Debian in steps of upgrade, by hand and over the mesh, migration, backup and restore, and looks
 * after the next boot whether it starts, says what happened, and lets the work be brought to its end. `each`: steps of each
 * work, drawn from the seed; more than it has begin again with the first. `works`: so many of the works, drawn too; all where
 * it is not given. Rejects at the first that is not so.
 */
export async function powerCuts(options: {
  readonly each: number;
  readonly works?: number;
  readonly seed: number;
  readonly progress: (line: string) => void;
}): Promise<CutsFound> {
  const dir = mkdtempSync('/var/tmp/sentinel-test-cut-');
  const draw = drawn(options.seed);
  const all = [...WORKS, MESH_UPGRADE];
  const chosen = new Set(sample(all, options.works ?? all.length, draw));
  const hosts = new Map<Work['host'], PoweredHost>();
  try {
    await fillStick(join(dir, 'stick'));
    options.progress('packed');
    for (const how of ['tarball', 'packages'] as const) {
      const host = new PoweredHost(join(dir, how), [
        { from: process.execPath, to: '/usr/bin/node' },
        { from: join(dir, 'stick'), to: STICK },
      ]);
      hosts.set(how, host);
      await begin(await host.up(), how);
      if (how === MESH_UPGRADE.host && chosen.has(MESH_UPGRADE)) await joinAgent(await host.up());
      options.progress(`${how}: the hub is there`);
    }
    let [cuts, short] = [0, 0];
    const worked = new Set<string>();
    for (const work of all.filter((one) => chosen.has(one))) {
      const host = hosts.get(work.host);
      if (host === undefined) throw new Error(`no host of ${work.host}`);
      for (const step of sample(work.steps, options.each, draw)) {
        const argv = work.begin(await host.up(), step);
        const after = draw() < 0.5 ? 0 : Math.round(draw() * INTO_STEP_MS);
        const wasAtWork = await host.cutWhile(argv, step.begun, after);
        cuts++;
        if (wasAtWork) {
          short++;
          worked.add(work.name);
        }
        const where = `${work.name}: cut ${after} ms after ${step.name}${wasAtWork ? '' : ', at its end'}`;
        options.progress(where);
        try {
          await work.after(await host.up(), argv);
        } catch (error) {
          throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
            message: `${where}: ${error}`,
          });
        }
      }
    }
    return { cuts, short, works: [...worked] };
  } finally {
    for (const host of hosts.values()) await host.cut();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** So many of them, each as often as the others, in an order that is drawn. */
function sample<T>(all: readonly T[], count: number, draw: () => number): readonly T[] {
  const order = all.map((one) => ({ one, at: draw() })).sort((a, b) => a.at - b.at);
  return Array.from({ length: count }, (_, n) => order[n % order.length]?.one).flatMap((one) =>
    one === undefined ? [] : [one],
  );
}

/** Both versions, packed and unpacked, and what stands for Debian's own nodejs, whose binary is bound. */
async function fillStick(stick: string): Promise<void> {
  stickOf(stick);
  fillWithUpgrades(stick);
  for (const version of VERSIONS) {
    const out = join(stick, version);
    const name = `sentinel-${version}-linux-${process.arch}.tar.gz`;
    mkdirSync(join(out, 'tree'));
    const argv = ['xzf', name, '--strip-components=2', '-C', 'tree'];
    const { status, stderr } = spawnSync('tar', argv, { cwd: out, encoding: 'utf8' });
    assert.is(status, 0, stderr);
  }
  const nodejs = { name: 'nodejs', version: process.versions.node, architecture: 'all', depends: 'libc6' } as const;
  const entries = [fileOf('usr/share/nodejs/README', 'bound\n')];
  const rest = { description: ['Node.js'], conffiles: [], scripts: {}, entries } as const;
  await writeDeb(join(stick, 'nodejs.deb'), { ...nodejs, ...rest }, 1_700_000_000);
}
