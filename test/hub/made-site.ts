import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Console } from '../../broker/command-line.ts';
import { keyFile, readSite, type Site } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { initCommand } from '../../hub/commands/init.ts';
import { type Door, openDoor } from '../../hub/site/enroll-door.ts';
import { Enrollment, type EnrollmentOptions } from '../../hub/site/enrollment.ts';
import { openSiteCa, serverTls } from '../../hub/site/server-tls.ts';
import { Store } from '../../hub/store/store.ts';

/** What a command printed and how it ended; `lines` are standard output's. */
export async function ran(
  command: (argv: readonly string[], io: Console) => Promise<number>,
  ...argv: string[]
): Promise<{ readonly code: number; readonly lines: string[]; readonly errors: string[] }> {
  const lines: string[] = [];
  const errors: string[] = [];
  const code = await command(argv, {
    stdout: (line) => lines.push(line),
    stderr: (line) => errors.push(line),
    stdin: (async function* () {})(),
    signal: new AbortController().signal,
  });
  return { code, lines, errors };
}

export const PASSPHRASE = 'correct horse battery';

/** A site as `sentinel init` makes it, in a folder; its root key is in `rootKey`, its passphrase in `passphraseFile`. */
export interface MadeSite {
  readonly state: StateFolder;
  readonly site: Site;
  readonly rootKey: string;
  readonly passphraseFile: string;
}

export async function makeSite(folder: string, name = 'plant-7'): Promise<MadeSite> {
  const passphraseFile = join(folder, `${name}.pass`);
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`);
  const rootKey = join(folder, `${name}-root.pem`);
  const state = stateFolder(join(folder, name));
  const flags = ['--root-key', rootKey, '--passphrase-file', passphraseFile, '--operator', 'ann', '--id', 'hub-host'];
  await ran(initCommand, '--state', state.root, '--name', name, '--address', '127.0.0.1', ...flags);
  return { state, site: readSite(state), rootKey, passphraseFile };
}

export interface OpenSite extends MadeSite {
  readonly store: Store;
  readonly enrollment: Enrollment;
  readonly door: Door;
  readonly at: string;
  readonly agents: EnrollmentOptions['agents'];
  /** Milliseconds by which the hub's clock is ahead. */
  ahead: number;
  readonly changed: string[];
  close(): Promise<void>;
}

/** The enrolment of a made site, with its door open on a free port of loopback. */
export async function openSite(made: MadeSite): Promise<OpenSite> {
  const { state, site } = made;
  const ca = await openSiteCa(state);
  if (ca === null) throw new Error('the site has no CA');
  const store = new Store(state.store, 'write');
  const agents = new Map(site.agents);
  const changed: string[] = [];
  const clock = { ahead: 0 };
  const enrollment = new Enrollment({
    store,
    site,
    agents,
    ca,
    macSecret: new Uint8Array(Buffer.from(readFileSync(keyFile.macSecret(state), 'utf8'), 'hex')),
    key: readKeyPair(keyFile.hub(state)),
    now: () => Date.now() + clock.ahead,
    changed: (agent, enrolled) => changed.push(`${agent} ${enrolled === null ? 'out' : 'in'}`),
  });
  const tls = await serverTls(state, site, ca, Date.now());
  const roster = new Uint8Array(readFileSync(state.roster));
  const door = await openDoor({ host: '127.0.0.1', port: 0, tls, enrollment, roster: () => roster, brokerPort: 8883 });
  return Object.assign(clock, made, {
    store,
    enrollment,
    door,
    at: `127.0.0.1:${door.port}`,
    agents,
    changed,
    close: async () => {
      await door.close();
      await store.close();
    },
  });
}
