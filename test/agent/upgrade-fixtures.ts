import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { guard } from '../../agent/exec/guard.ts';
import { UpgradeState } from '../../agent/exec/upgrade-state.ts';
import { Upgrades, type UpgradesParts } from '../../agent/exec/upgrades.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import { chunksOf, makeRelease, type ReleaseFile, releaseHash } from '../../broker/release.ts';
import { seal } from '../../broker/signed.ts';
import { sshSign } from '../../broker/sshsig.ts';
import { ulid } from '../../broker/ulid.ts';
import { signUpgrade, UPGRADE_LIMITS, type UpgradeOrder, type UpgradeWord } from '../../broker/upgrade-messages.ts';
import { TestSite } from './order-fixtures.ts';

export const OLD = 'the code of 0.1.0\n';
/** Of several pieces: what hardly compresses. */
export const NEW = Array.from({ length: 1_300 }, (_, i) =>
  createHash('sha256').update(String(i)).digest('base64'),
).join('\n');
export const releaseKey = newKeyPair();

export const releaseOf = (version: string, code = NEW, by: KeyPair = releaseKey): ReleaseFile =>
  makeRelease({ version, label: `{"version":"${version}"}\n`, code: Buffer.from(code) }, by);

/** The executor's side of upgrades on a host of its own, with the real guard; only systemd is not there. */
export class UpgradeHost {
  readonly dir = mkdtempSync('/var/tmp/sentinel-test-upgrade-');
  readonly site: Pick<TestSite, 'trust' | 'close'>;
  readonly bundle = join(this.dir, 'sentinel-agent.cjs');
  readonly keyFile = join(this.dir, 'release.pem');
  readonly audit: string[] = [];
  /** What the executor last heard of halts, as the guard finds it on the disk. */
  isHalted = false;
  restarts = 0;

  constructor(site: Pick<TestSite, 'trust' | 'close'> = new TestSite()) {
    this.site = site;
    writeFileSync(this.bundle, OLD);
    writeFileSync(join(this.dir, 'RELEASE.json'), '{"version":"0.1.0"}\n');
    writeFileSync(this.keyFile, pemOf(releaseKey));
  }

  get state(): UpgradeState {
    return new UpgradeState(join(this.dir, 'state'));
  }

  upgrades(change: Partial<UpgradesParts> = {}): Upgrades {
    return new Upgrades({
      ...{ state: this.state, bundle: this.bundle, releaseKey: this.keyFile, version: '0.1.0', agent: 'web-1' },
      ...{ trust: this.site.trust, tags: () => ['edge'], checkPath: null, now: Date.now },
      audit: (what) => this.audit.push(what),
      ...change,
    });
  }

  /** The guard, for as long as it has something to do, or until it is killed: `restart` is what the new agent does then. */
  guard(restart: () => void = () => {}, signal: AbortSignal = new AbortController().signal): Promise<void> {
    return guard({
      ...{ state: this.state, bundle: this.bundle, signal, now: Date.now, isHalted: () => this.isHalted },
      restart: async () => {
        this.restarts++;
        restart();
      },
      audit: (what) => this.audit.push(what),
      log: lineLog('exec', () => {}),
    });
  }

  installed(): string {
    return readFileSync(this.bundle, 'utf8');
  }

  label(): string {
    return readFileSync(join(this.dir, 'RELEASE.json'), 'utf8');
  }

  close(): void {
    this.site.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const pemOf = ({ public: key }: KeyPair): string => {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
  return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
};

/** What a hub says of one upgrade; `change` is what a hostile one would. */
export class UpgradeWords {
  readonly file: ReleaseFile;
  readonly order: UpgradeOrder;
  private readonly site: TestSite;
  private readonly signer: KeyPair;

  constructor(site: TestSite, file: ReleaseFile, change: Partial<UpgradeOrder> = {}, signer: KeyPair = site.adm) {
    this.site = site;
    this.file = file;
    this.signer = signer;
    this.order = {
      ...{ id: ulid(), site: 'local', release: releaseHash(file.message), version: '0.1.1', where: ['tag:edge'] },
      ...{ at_once: 1, within_s: 600, downgrade: false, by: 'adm', not_after: Date.now() + 3_600_000 },
      ...change,
    };
  }

  async offer(change: Partial<UpgradeWord> = {}, hub: KeyPair = this.site.hub): Promise<Uint8Array> {
    const { payload, signature } = await signUpgrade(this.order, async (message, namespace) =>
      sshSign(message, namespace, this.signer),
    );
    return this.word({ what: 'offer', release: this.file.message, order: payload, signature, ...change }, hub);
  }

  chunk(index: number, bytes = chunksOf(this.file.packed)[index], change: Partial<UpgradeWord> = {}): Uint8Array {
    return this.word({ what: 'chunk', index, ...(bytes === undefined ? {} : { bytes }), ...change });
  }

  confirm(): Uint8Array {
    return this.word({ what: 'confirm' });
  }

  stop(): Uint8Array {
    return this.word({ what: 'stop' });
  }

  get chunks(): number {
    return chunksOf(this.file.packed).length;
  }

  private word(said: Partial<UpgradeWord>, hub: KeyPair = this.site.hub): Uint8Array {
    const until = Date.now() + UPGRADE_LIMITS.word_ms;
    const word = { agent: 'web-1', site: 'local', epoch: 2, upgrade: this.order.id, until, ...said };
    return seal('upgrade', encodeCbor(word), hub);
  }
}
