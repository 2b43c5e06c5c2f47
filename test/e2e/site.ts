import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stateFolder } from '../../broker/state-folder.ts';
import { idFromHostname } from '../../broker/topics.ts';
import type { Incident, State } from '../../hub/incident.ts';
import { listIncidents } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';

export const FRONT_DOOR = fileURLToPath(new URL('../../sentinel.js', import.meta.url));

/** No wait of a test is meant to end by this: it is there so that a hang names itself. */
export const PATIENCE_MS = 120_000;

/** More incidents than any test makes. */
const LISTED = 10_000;

/** The trouble that tests make: a watched folder or workload, a hub that was tampered with. The agent sees the rest of the machine too, which has its own. */
const OWN = /^(?:folder|group|hub)\./;

/** A site of its own in a temp folder: hub and agent as real processes, driven as a user would. */
export class Site {
  readonly dir = mkdtempSync('/var/tmp/sentinel-test-');
  readonly state = stateFolder(join(this.dir, 'state'));
  /** A watched folder with a quota of 1 MiB: filling it is the trouble that these tests make. */
  readonly spool = join(this.dir, 'spool');
  readonly agent = idFromHostname(hostname());
  /** What hub and agent printed, for a failing test's message. */
  log = '';
  hub: ChildProcess | null = null;
  watcher: ChildProcess | null = null;
  executor: ChildProcess | null = null;
  /** What agents are started with; the bundle's file where a test is about that. */
  agentDoor = FRONT_DOOR;
  /** What hubs are told of a model where a test says nothing: most are not about one, and two cores serve many at once. */
  model: readonly string[] = ['--model', 'none'];
  private store: Store | null = null;
  private port = 0;

  constructor() {
    mkdirSync(this.spool, { mode: 0o700 });
    mkdirSync(this.state.watch, { recursive: true });
    const watch = `version: 1\nfolders:\n  - name: spool\n    path: ${this.spool}\n    quota_mib: 1\n`;
    writeFileSync(join(this.state.watch, 'spool.yaml'), watch);
  }

  /** A playbook of the site's own; it wins over the built-in one of the same id. */
  playbook(id: string, yaml: string): void {
    mkdirSync(this.state.playbooks, { recursive: true });
    writeFileSync(join(this.state.playbooks, `${id}.yaml`), yaml);
  }

  async startHub(...flags: string[]): Promise<void> {
    const model = flags.includes('--model') ? [] : this.model;
    this.hub = await this.start('hub', ['--port', String(this.port), ...model, ...flags], /ready address=\S+:(\d+)/);
  }

  /** A hub whose files may not grow past so many KiB (RLIMIT_FSIZE): to it the disk is full from there on. */
  async startHubWithin(kib: number, ...flags: string[]): Promise<void> {
    this.hub = await this.start('hub', ['--port', '0', ...flags], /ready address=\S+:(\d+)/, kib);
  }

  async restartHub(...flags: string[]): Promise<void> {
    if (this.hub) await kill(this.hub, 'SIGKILL');
    await this.startHub(...flags);
  }

  /** Where the hub's broker listens. */
  get broker(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async startAgent(...flags: string[]): Promise<void> {
    const broker = ['--broker', this.broker, '--interval', '0.25'];
    this.watcher = await this.start('agent', [...broker, ...flags], /watching this host/);
  }

  /** An agent behind another command, such as one that enters a namespace; all its flags are given. */
  async startAgentBy(before: readonly string[], ...flags: string[]): Promise<void> {
    this.watcher = await this.start('agent', flags, /watching this host/, undefined, before);
  }

  /** An executor for this agent's orders; it declares the spool for itself, since it asks no agent what there is. */
  async startExec(...flags: string[]): Promise<string> {
    const socket = join(this.dir, 'exec.sock');
    mkdirSync(join(this.state.root, 'exec', 'watch.d'), { recursive: true });
    cpSync(join(this.state.watch, 'spool.yaml'), join(this.state.root, 'exec', 'watch.d', 'spool.yaml'));
    this.executor = await this.start('exec', ['--socket', socket, ...flags], /listening/);
    return socket;
  }

  private start(
    command: string,
    flags: readonly string[],
    ready: RegExp,
    limitKib?: number,
    before: readonly string[] = [process.execPath],
  ): Promise<ChildProcess> {
    return new Promise((resolve, reject) => {
      const door = command === 'agent' ? this.agentDoor : FRONT_DOOR;
      const argv = ['--enable-source-maps', door, command, '--state', this.state.root, ...flags];
      // `exec` keeps the pid; SIGXFSZ is ignored so that a write fails with EFBIG instead of ending the process.
      const limited = `trap '' XFSZ; ulimit -f ${limitKib}; exec "$0" "$@"`;
      const child =
        limitKib === undefined
          ? spawn(before[0] ?? '', [...before.slice(1), ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
          : spawn('bash', ['-c', limited, process.execPath, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      const late = setTimeout(() => reject(new Error(`${command} was not ready:\n${output}`)), PATIENCE_MS);
      const take = (chunk: Buffer) => {
        output += chunk.toString('utf8');
        this.log += chunk.toString('utf8');
        const [, port] = ready.exec(output) ?? [];
        if (port !== undefined) this.port = Number(port);
        if (ready.test(output)) {
          clearTimeout(late);
          resolve(child);
        }
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('exit', (code, signal) => {
        this.log += `(${command} ended with ${signal ?? code})\n`;
        reject(new Error(`${command} ended with ${code}:\n${output}`));
      });
    });
  }

  /** Fills the spool over its quota. */
  fill(): void {
    writeFileSync(join(this.spool, 'full.tmp'), Buffer.alloc(2 * 1_048_576, 1));
  }

  /** Takes out what `fill` wrote. */
  empty(): void {
    rmSync(join(this.spool, 'full.tmp'), { force: true });
  }

  /** How often a step `mktemp -p {folder} ran.XXXXXX` was run: each run leaves one file. */
  runs(prefix = 'ran.'): number {
    return readdirSync(this.spool).filter((name) => name.startsWith(prefix)).length;
  }

  /** One command of the front door; resolves with its exit code and output. */
  sentinel(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [FRONT_DOOR, ...argv, '--state', this.state.root], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
      });
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
  }

  /** The store as it is now, to look at; null before there is one. */
  reader(): Store | null {
    try {
      this.store ??= new Store(this.state.store, 'read');
    } catch {
      return null;
    }
    this.store.refresh();
    return this.store;
  }

  /** Every incident of a watched folder or workload as the store has it now, newest first. */
  incidents(): Incident[] {
    const store = this.reader();
    if (store === null) return [];
    return listIncidents(store, LISTED)
      .flatMap(({ id }) => store.incidents.get(id) ?? [])
      .filter(({ event }) => OWN.test(event.signal));
  }

  /** The newest incident once it is in one of these states; looked at every few milliseconds. */
  async reaches(...states: State[]): Promise<Incident> {
    return this.until(
      () => this.incidents().find(({ state }) => states.includes(state)),
      `an incident that is ${states.join(' or ')}`,
    );
  }

  /** Whether the newest incident was seen in this state; looked at without a pause, and given up once it is past it. */
  async catches(state: State): Promise<boolean> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const newest = this.incidents()[0];
      if (newest?.state === state) return true;
      if (newest?.timeline.some((moment) => moment.state === state)) return false;
      if (Date.now() > deadline) throw new Error(`waited in vain for ${state}\n${this.told()}`);
      await setImmediate();
    }
  }

  async until<T>(look: () => T | undefined | false, what: string, patience = PATIENCE_MS): Promise<T> {
    const deadline = Date.now() + patience;
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      if (Date.now() > deadline) throw new Error(`waited in vain for ${what}\n${this.told()}`);
      await sleep(5);
    }
  }

  told(): string {
    const lines = this.incidents().flatMap((one) =>
      one.timeline.map(({ state, by, note }) => `  ${state} ${by}: ${note}`),
    );
    return `${lines.join('\n')}\n${this.log}`;
  }

  /** What the agent has durably begun and ended. */
  journal(): string {
    return readFileSync(this.state.journal, 'utf8');
  }

  /** Lets go of the store, for who opens it to write in this process. */
  async leaveStore(): Promise<void> {
    await this.store?.close();
    this.store = null;
  }

  async close(): Promise<void> {
    await this.store?.close();
    for (const child of [this.watcher, this.executor, this.hub]) if (child !== null) await kill(child, 'SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Ends a process and waits until it is gone. */
export async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await gone;
}
