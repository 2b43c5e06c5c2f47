import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { COUNTING_PLAYBOOK } from '../e2e/counting-playbook.ts';
import { blocksOf } from './doc-blocks.ts';
import type { BootedSystem } from './systemd-root.ts';

const PATIENCE_MS = 120_000;
const HUB_STATE = '/var/lib/sentinel-hub';
const BLOCKS = blocksOf('docs/install.md');

/** Hub, agent and executor of one host as they were installed there, and what an admin types. */
export class Installed {
  readonly system: BootedSystem;
  /** Where the journal was when this one began. */
  private readonly cursor: string;

  constructor(system: BootedSystem) {
    this.system = system;
    this.cursor = /cursor: (\S+)/.exec(this.must('journalctl', '-n', '1', '--show-cursor', '--quiet'))?.[1] ?? '';
  }

  /** A command as root that has to go well. */
  must(...argv: string[]): string {
    const { status, stdout, stderr } = this.system.run(argv, { timeout: PATIENCE_MS });
    assert.is(status, 0, `${argv.join(' ')}: ${stdout}${stderr}\n${this.told()}`);
    return stdout;
  }

  /** `sentinel ARGS` as the hub's account. */
  sentinel(...argv: string[]): string {
    return this.must('runuser', '-u', 'sentinel', '--', 'sentinel', ...argv, '--state', HUB_STATE);
  }

  write(path: string, text: string): void {
    writeFileSync(this.system.path(path), text);
  }

  told(lines = 60): string {
    const since = this.cursor === undefined ? [] : [`--after-cursor=${this.cursor}`];
    return this.system.run(['journalctl', '-o', 'cat', '-n', String(lines), '--no-pager', ...since]).stdout;
  }

  /** Resolves when the journal says so. */
  async says(pattern: RegExp): Promise<void> {
    await this.until(() => pattern.test(this.told(5_000)) || undefined, String(pattern));
  }

  isActive(unit: string): boolean {
    return this.system.run(['systemctl', 'is-active', '--quiet', unit]).status === 0;
  }

  property(unit: string, name: string): string {
    return this.must('systemctl', 'show', '-p', name, '--value', unit).trim();
  }

  async until<T>(look: () => T | undefined, what: string): Promise<T> {
    for (const deadline = Date.now() + PATIENCE_MS; ; ) {
      const found = look();
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`waited in vain for ${what}\n${this.told()}`);
      await sleep(200);
    }
  }

  /** Runs a block of docs/install.md word for word, as root: the `nth` below a heading. Gives what it printed. */
  documented(heading: string, nth: number, env: Readonly<Record<string, string>> = {}): string {
    const block = BLOCKS.filter((one) => one.heading === heading)[nth];
    assert.ok(block !== undefined, `docs/install.md has no block ${nth} under ${heading}`);
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return this.must('env', ...words, 'sh', '-e', '-c', block.code.replaceAll('linux-x64', `linux-${process.arch}`));
  }

  /** A site, its hub, and this host as its agent with an executor, all live: what is installed is only to be set up. */
  async begin(): Promise<void> {
    this.must('rm', '-rf', '/run/sentinel-root');
    this.write('/run/pass', 'four words are enough\n');
    this.must('chown', 'sentinel', '/run/pass');
    this.documented('The hub', 1, { ADDRESS: '127.0.0.1', PASS: '/run/pass' });
    this.must('install', '-d', '-o', 'sentinel', '-g', 'sentinel-operators', `${HUB_STATE}/playbooks`);
    this.write(`${HUB_STATE}/playbooks/folder-full.yaml`, COUNTING_PLAYBOOK);
    this.must('systemctl', 'restart', 'sentinel-hub');
    const TOKEN = this.documented('A host', 0, { HOST: 'booted' }).trim();
    // The machine that tests is busy, which is no trouble of this test's.
    const watch =
      'folders:\n  - name: spool\n    path: /srv/spool\n    quota_mib: 1\nsenses:\n  load: off\n  cpu: off\n';
    this.write('/etc/sentinel-agent/watch.d/spool.yaml', `version: 1\n${watch}`);
    this.documented('A host', 2, { TOKEN });
    await this.says(/belongs to a site/);
    this.documented('A host', 3);
    await this.says(/agent is here.*live=true privileged=true/);
  }

  /** Those of the spool: a busy machine gives others too. */
  incidents(): readonly { readonly id: string; readonly state: string }[] {
    const lines = this.sentinel('incident', 'list', '--json').split('\n');
    return lines.filter((line) => line.includes('spool')).map((line) => JSON.parse(line));
  }

  /** The spool is filled, seen, its repair approved by a person, run as root, and seen to have helped. */
  async mends(): Promise<void> {
    const known = new Set(this.incidents().map(({ id }) => id));
    const ran = () => readdirSync(this.system.path('/srv/spool')).filter((name) => name.startsWith('ran.'));
    const runs = ran().length;
    this.write('/srv/spool/full.tmp', 'x'.repeat(2 * 1_048_576));
    const newest = (...states: string[]) =>
      this.incidents().find(({ id, state }) => !known.has(id) && states.includes(state));
    const { id } = await this.until(() => newest('proposed'), 'a proposal');
    this.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
    const ended = await this.until(() => newest('resolved', 'failed', 'escalated', 'outcome_unknown'), 'the end');
    assert.is(ended.state, 'resolved', this.told());
    assert.is(ran().length, runs + 1);
    for (const name of ran()) assert.is(statSync(this.system.path(`/srv/spool/${name}`)).uid, 0);
  }
}
