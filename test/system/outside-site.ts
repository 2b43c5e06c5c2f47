import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { keyFile, makeLocalSite } from '../../broker/enroll.ts';
import { prepareFolder } from '../../broker/state-folder.ts';
import type { Incident } from '../../hub/incident.ts';
import { Store } from '../../hub/store/store.ts';
import { Site } from '../e2e/site.ts';
import type { DebianBroker, Login } from './brokers.ts';

type StartBroker = (folder: string, logins: readonly Login[]) => Promise<DebianBroker>;

/** A site whose hub and agent are clients of a broker that `start` starts. */
export class OutsideSite {
  readonly site = new Site();
  readonly logins: readonly Login[];
  private broker: DebianBroker | null = null;
  private readonly credentials = join(this.site.dir, 'hub.json');

  constructor() {
    const { site } = this;
    prepareFolder(site.state);
    makeLocalSite(site.state, site.agent);
    const password = randomBytes(16).toString('hex');
    writeFileSync(this.credentials, JSON.stringify({ version: 1, username: 'hub', password }), { mode: 0o600 });
    const secret = readFileSync(keyFile.agentSecret(site.state, site.agent), 'utf8').trim();
    this.logins = [
      { user: 'hub', password },
      { user: site.agent, password: secret },
    ];
  }

  async start(start: StartBroker): Promise<DebianBroker> {
    const broker = await this.startBroker(start);
    await this.site.startHub(...this.flags());
    await this.site.startAgent('--live');
    return broker;
  }

  async startBroker(start: StartBroker): Promise<DebianBroker> {
    this.broker = await start(join(this.site.dir, 'broker'), this.logins);
    return this.broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.broker?.port}`;
  }

  flags(): string[] {
    return ['--live', '--broker', this.url, '--credentials', this.credentials];
  }

  /** The site's rules as mosquitto reads them. */
  async rules(): Promise<string> {
    // They are made from who is enrolled, which the store says: a hub that has run has one.
    await new Store(this.site.state.store, 'write').close();
    const { code, stdout, stderr } = await this.site.sentinel('acl', 'export', '--for', 'mosquitto');
    assert.is(code, 0, stderr);
    return stdout;
  }

  /** From a fault to the end of it, by an operator's approval. */
  async journey(): Promise<Incident> {
    const { site } = this;
    site.fill();
    const proposed = await site.reaches('proposed');
    const approved = await site.sentinel('incident', 'approve', proposed.id, '--reviewed', 'all', '--yes');
    assert.is(approved.code, 0, approved.stderr);
    const resolved = await site.reaches('resolved');
    assert.ok(resolved.results.length > 0 && resolved.results.every(({ state }) => state === 'done'));
    return resolved;
  }

  /** The incident after this one, once it waits for a person. */
  async after(done: Incident): Promise<Incident> {
    const { site } = this;
    return site.until(
      () => site.incidents().find(({ id, state }) => id !== done.id && state === 'proposed'),
      'the next',
    );
  }

  async close(): Promise<void> {
    await this.site.close();
    await this.broker?.stop();
  }
}
