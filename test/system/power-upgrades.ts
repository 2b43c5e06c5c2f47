import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { readKeyPair } from '../../broker/keys.ts';
import { makeRelease, writeReleaseFile } from '../../broker/release.ts';
import type { Installed } from './installed.ts';
import { debOf, STATE, STICK, type Work, works } from './power-works.ts';
import type { PoweredHost } from './powered-host.ts';
import { publicKeyOf, VERSIONS } from './releases.ts';

const AGENT = 'booted';
const LABEL = '/opt/sentinel-agent/RELEASE.json';
const UPGRADE = '/var/lib/sentinel-exec/exec/upgrade';
const RECORD = '/var/lib/sentinel-exec/exec/audit.jsonl';
/** Of a version that is never heard; the hub's and this host's own are before it. */
const MUTE = VERSIONS[1].replace(/\d+$/, (last) => String(Number(last) + 1));
/** Seconds in which the hub has to hear a version: enough for a host that boots in between; and as few as may be. */
const WITHIN_S = { heard: 300, mute: 10 } as const;

/** Beside both versions: the public half of their key, and a release that is well signed and no agent at all. */
export function fillWithUpgrades(stick: string): void {
  const file = join(stick, 'release.pem');
  writeFileSync(join(stick, 'release.pub.pem'), publicKeyOf(file));
  const code = Buffer.from('process.exit(3);\n');
  const mute = makeRelease({ version: MUTE, label: `{"version":"${MUTE}"}\n`, code }, readKeyPair(file));
  writeFileSync(join(stick, 'mute.upgrade'), writeReleaseFile(mute));
}

/** Makes a host that has the hub's package its agent too, with an executor that takes upgrades over the mesh. */
export async function joinAgent(host: Installed): Promise<void> {
  host.write('/etc/sentinel-hub/hub.env', 'SENTINEL_HUB_OPTIONS=--live\n');
  host.must('systemctl', 'restart', 'sentinel-hub');
  host.must('dpkg', '-i', debOf(host, VERSIONS[0], 'agent'));
  const TOKEN = host.documented('A host', 0, { HOST: AGENT }).trim();
  host.documented('A host', 2, { TOKEN });
  await host.says(/belongs to a site/);
  host.must('install', '-m', '0644', `${STICK}/release.pub.pem`, '/etc/sentinel-agent/release.pem');
  host.documented('A host', 3);
  await host.says(/agent is here.*live=true privileged=true/);
}

const versionOf = (file: string): string => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : '');

interface Status {
  readonly id: string;
  readonly state: string;
  readonly hosts: readonly { readonly state: string; readonly code: string }[];
}

const statusOf = (host: Installed): Status => {
  const asked = ['runuser', '-u', 'sentinel', '--', 'sentinel', 'upgrade', 'status', '--json'];
  return JSON.parse(host.system.run([...asked, '--state', STATE]).stdout);
};

/** Waits until nothing is under way any more, at the hub and on the host, which are of one mind about it; gives the state. */
async function ended(host: Installed, from: string, to: string): Promise<string> {
  const { id, state, hosts } = await host.until(() => {
    const status = statusOf(host);
    return status.state === 'running' ? undefined : status;
  }, 'the end of the upgrade');
  await host.until(() => (host.isActive('sentinel-upgrade') ? undefined : true), 'the guard to end');
  const [one] = hosts;
  const isDone = one?.state === 'done';
  assert.is(versionOf(host.system.path(LABEL)), isDone ? to : from, JSON.stringify(hosts));
  const said = host
    .must('cat', RECORD)
    .split('\n')
    .flatMap((line) => (line.includes(id) ? [JSON.parse(line).what] : []));
  // Cut before its first file was there, it has nothing to go back from.
  if (one?.code !== 'E_UPGRADE_UNKNOWN')
    assert.is(
      said.at(-1),
      isDone ? 'upgrade_confirmed' : 'upgrade_returned',
      `${JSON.stringify(hosts)} ${said.join(' ')}`,
    );
  return [state, one?.state, one?.code].join(' ').trim();
}

/** Another version of the agent, brought by the hub that runs on the same host; or one that its hub never hears. */
function bringing(): Work {
  let [from, to, isMute] = ['', '', false];
  const isOver = (host: PoweredHost): boolean => versionOf(host.at(LABEL)) === to;
  return {
    name: 'upgrade over the mesh',
    host: 'packages',
    steps: [
      { name: 'a piece is here', begun: (host) => host.has(`${UPGRADE}/part`) },
      { name: 'new version is laid down', begun: (host) => host.has(`${UPGRADE}/now/pending`) },
      { name: 'new version is put over', begun: isOver },
      { name: 'new version is confirmed', begun: (host) => host.has(`${UPGRADE}/now/confirmed`) },
      { name: 'mute version is put over', begun: isOver, isMute: true },
      { name: 'mute version goes back', begun: (host) => host.has(`${UPGRADE}/now/returning`), isMute: true },
    ],
    begin: (host, step) => {
      isMute = step.isMute === true;
      from = versionOf(host.system.path(LABEL));
      to = isMute ? MUTE : (VERSIONS.find((version) => version !== from) ?? '');
      const file = isMute ? 'mute.upgrade' : `${to}/sentinel-agent_${to}.upgrade`;
      const within = isMute ? WITHIN_S.mute : WITHIN_S.heard;
      const command = `sentinel upgrade ${STICK}/${file} --group host:${AGENT} --downgrade --within ${within} --state ${STATE}`;
      const running = `sentinel upgrade status --json --state ${STATE} | grep -q '"state":"running"'`;
      return ['runuser', '-u', 'sentinel', '--', 'sh', '-c', `${command} && while ${running}; do sleep 0.2; done`];
    },
    after: async (host, argv) => {
      await works(host);
      const how = await ended(host, from, to);
      if (isMute) {
        assert.is(how, 'stopped returned E_UPGRADE_UNHEARD');
        return;
      }
      if (how === 'done done') return;
      assert.is(how, 'stopped returned E_UPGRADE_UNKNOWN');
      host.must(...argv);
      assert.is(await ended(host, from, to), 'done done');
    },
  };
}

export const MESH_UPGRADE: Work = bringing();
