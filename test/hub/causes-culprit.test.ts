import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Entity } from '../../hub/evidence/evidence.ts';
import { actsOnWhatIsNamed } from '../../hub/reason/acts-on.ts';
import { changeOf, speaksOf } from '../../hub/reason/causes/changes.ts';
import { shownCauses } from '../../hub/reason/causes/known.ts';
import { programOf, unitRunning } from '../../hub/reason/causes/programs.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { builtIn, MIB, NOW, processRow, said } from './evidence-fixtures.ts';
import { evidenceOf, type Told } from './told-evidence.ts';

/** Who does it, behind a symptom that everybody sees: and that what is proposed aims at him. */
const test = suite('the culprit behind a symptom');
const rules = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 });

const causes = (told: Told) => shownCauses(evidenceOf(told));
const answer = (told: Told) => rules.diagnose(evidenceOf(told), new AbortController().signal);
const commandsOf = ({ commands }: { readonly commands: readonly { readonly command: string }[] }) =>
  commands.map(({ command }) => command);
const GIB = 1_024 * MIB;
const DAY = 86_400;

test('who holds very many sockets fills the connection table, and not whoever is busy', async () => {
  const told: Told = {
    signal: 'net.conntrack',
    metric: 'conntrack.used_percent',
    value: 100,
    lines: ['kernel: nf_conntrack: nf_conntrack: table full, dropping packet'],
    snapshot: {
      top_cpu: [
        processRow(300, 'ids-engine', { cpu: 180, age_s: 40 * DAY }),
        processRow(301, 'inventory', { cpu: 9, fds: 15_000, age_s: 700 }),
        processRow(302, 'nginx', { fds: 90, age_s: 40 * DAY }),
      ],
    },
  };
  const stray = await answer(told);
  assert.match(stray.root_cause, /inventory \(pid 301\) opens very many/);
  assert.not.match(stray.root_cause, /ids-engine/);
  assert.ok(commandsOf(stray).includes('kill -TERM 301'));
  assert.is(stray.playbook, null, 'ended by a person who has read it, and by no playbook alone');
  // A service that many ask is not ended for it.
  const service = await answer({
    ...told,
    units: ['inventory.service'],
    lines: [...(told.lines ?? []), 'inventory: busy'],
  });
  assert.not.ok(commandsOf(service).some((command) => command.startsWith('kill')));
  const router = {
    ...told,
    snapshot: {},
    lines: ['a', 'b'].map((one) => `kernel: table full ${one}: SRC=10.9.9.4 DST=10.0.0.1`),
  };
  assert.match(causes(router)[0]?.sentence ?? '', /come from 10\.9\.9\.4/);
});

test('what holds the memory makes a host swap, and a backup that is slowed down by it is none of it', async () => {
  const told: Told = {
    signal: 'host.load',
    metric: 'load.per_core',
    value: 9,
    also: [
      { signal: 'host.swap', metric: 'swap.used_percent', value: 95, reason: 'swap' },
      { signal: 'host.memory', metric: 'memory.used_percent', value: 98, reason: 'memory' },
    ],
    snapshot: {
      top_cpu: [
        processRow(41, 'restic', { cpu: 70, rss: 300 * MIB, cmd: said('/usr/bin/restic backup /srv') }),
        processRow(42, 'python3', { cpu: 20, rss: 20 * GIB, cmd: said('python3 /opt/plan/route_solver.py') }),
      ],
    },
  };
  const swapped = await answer(told);
  assert.match(swapped.root_cause, /route_solver\.py \(pid 42\)/);
  assert.not.match(swapped.root_cause, /restic/);
  assert.ok(commandsOf(swapped).includes('kill -TERM 42'));
  assert.match((await answer({ ...told, also: [] })).root_cause, /restic/);
});

test('of several large ones, what came lately takes the memory that the others had', () => {
  const told = (age: number): Told => ({
    signal: 'host.swap',
    metric: 'swap.used_percent',
    value: 90,
    snapshot: {
      top_mem: [
        processRow(50, 'postgres', { rss: 8 * GIB, age_s: 80 * DAY }),
        processRow(51, 'matlab', { rss: 10 * GIB, age_s: age }),
      ],
    },
  });
  assert.match(causes(told(1_800))[0]?.sentence ?? '', /^matlab \(pid 51\)/);
  assert.is(causes(told(90 * DAY))[0]?.id, 'memory-shared', 'both have always been there');
});

test('the largest in memory starts no processes: a fork storm is ended where the look at the host points', async () => {
  const told: Told = {
    signal: 'host.tasks',
    metric: 'process.count',
    value: 9_000,
    snapshot: {
      top_mem: [processRow(60, 'render', { rss: 2 * GIB }), processRow(61, 'watcher', { rss: 9 * MIB })],
      facts: { 'open.1': said('pid 61: 8,700 children') },
    },
  };
  const shown = await answer(told);
  assert.match(shown.root_cause, /watcher \(pid 61\) starts others again and again/);
  assert.equal(commandsOf(shown), ['kill -TERM 61']);
  const nobody = await answer({ ...told, snapshot: { top_mem: told.snapshot?.top_mem ?? [] } });
  assert.ok(nobody.needs_human);
  assert.not.ok(commandsOf(nobody).some((command) => command.startsWith('kill')));
});

test('who leaves connections open is restarted, who opens too many is looked at', () => {
  const told = (note: string): Told => ({
    signal: 'log.errors',
    metric: 'log.errors_per_minute[api]',
    units: ['relay.service'],
    lines: ['relay: connect: cannot assign requested address'],
    snapshot: { top_mem: [processRow(70, 'relay')], facts: { 'open.1': said(`pid 70: ${note}`) } },
  });
  const [leak] = causes(told('27,000 sockets in CLOSE_WAIT'));
  assert.is(leak?.id, 'ephemeral-ports');
  assert.match(leak?.sentence ?? '', /relay \(pid 70\) never closes/);
  assert.ok(commandsOf(leak ?? { commands: [] }).includes('systemctl restart relay.service'));
  const [storm] = causes(told('27,000 sockets in TIME_WAIT'));
  assert.match(storm?.sentence ?? '', /relay \(pid 70\) opens a connection for each request/);
  assert.ok(storm?.person);
});

test('two things that fill one disk are both said, each by evidence of its own', async () => {
  const told: Told = {
    signal: 'disk.space',
    metric: 'disk.used_percent[/var]',
    value: 97,
    units: ['fluent-bit.service', 'grab.service'],
    lines: [
      'fluent-bit: [error] no upstream connections available to 10.3.0.9:24224',
      'systemd-coredump: Process 811 (grab) of user 99 dumped core.',
      'systemd: grab.service: Scheduled restart job, restart counter is at 212.',
    ],
    snapshot: {
      top_mem: [processRow(80, 'fluent-bit')],
      mounts: [{ path: '/var', type: 'ext4', total: 100 * MIB, used: 97 * MIB }],
    },
  };
  const both = await answer(told);
  assert.match(both.root_cause, /fluent-bit.*10\.3\.0\.9:24224.*second thing: grab crashes.*212.*core dumps/);
  assert.ok(both.root_cause.length <= 500);
  const one = await answer({ ...told, lines: (told.lines ?? []).slice(0, 1) });
  assert.not.match(one.root_cause, /second thing/);
});

test('folders that are watched tell where the space went, by their share', () => {
  const folder = (label: string, value: number) => ({
    signal: 'folder.space',
    metric: `folder.used_mib[${label}]`,
    value,
    reason: label,
  });
  const [found] = causes({
    signal: 'disk.space',
    metric: 'disk.used_percent[/srv]',
    value: 95,
    also: [folder('/srv/raw', 9_000), folder('/srv/raw2', 6_000), folder('/srv/small', 10), folder('/opt/x', 90_000)],
  });
  assert.match(found?.sentence ?? '', /\/srv\/raw \(9000 MiB, 60 % of these\) and in \/srv\/raw2/);
  assert.not.match(found?.sentence ?? '', /small|\/opt/);
});

test('a name of a program in some line makes no backup of what is busy, and no shipper of what has failed', () => {
  const entity = (kind: Entity['kind'], value: string, comm = ''): Entity => ({
    kind,
    slot: 'E1',
    value,
    labels: [],
    ...(kind === 'process' ? { process: { pid: Number(value), start: 1, comm } } : {}),
  });
  const evidence = evidenceOf({
    signal: 'host.cpu',
    metric: 'cpu.percent',
    snapshot: { top_cpu: [processRow(9, 'encoder')] },
  });
  const acts = (phrase: string, one: Entity) => actsOnWhatIsNamed(phrase, { entities: [one] }, evidence);
  assert.not.ok(acts('restic', entity('process', '9', 'encoder')));
  assert.ok(acts('restic', entity('process', '8', 'restic')));
  assert.not.ok(acts('rsyslog', entity('unit', 'shop.service')));
  assert.ok(acts('rsyslog', entity('unit', 'rsyslog.service')));
  assert.ok(acts('archive command failed', entity('unit', 'shop.service')), 'what says more than a name');
});

test('who holds little of what is missing is not why memory is short, whatever its lines say', async () => {
  const MISSING: Told = {
    signal: 'host.memory',
    metric: 'memory.used_percent',
    value: 96,
    units: ['telegraf.service'],
    lines: ['telegraf: [outputs.influxdb_v2] Metric buffer overflow; 12 metrics have been dropped'],
    snapshot: {
      top_mem: [
        processRow(300, 'historian', { rss: 2 * GIB, age_s: 6 * DAY }),
        processRow(301, 'telegraf', { rss: 160 * MIB, age_s: 6 * DAY }),
      ],
      facts: { memory_total_mib: said('32768', true) },
    },
  };
  const unheld = await answer(MISSING);
  assert.match(unheld.root_cause, /No process holds the memory that is missing/);
  assert.ok(unheld.needs_human && unheld.confidence <= 0.6 && unheld.alternatives.length >= 2);
  assert.not.ok(commandsOf(unheld).some((command) => /^(?:systemctl restart|kill)/.test(command)));
  const acting = async (told: Told) =>
    commandsOf(await answer(told)).filter((command) => /^(?:systemctl restart|kill)/.test(command));
  // Even where nobody knows how much the host has, the small one is left alone; a large one is not.
  const unknown = { ...MISSING, snapshot: { ...MISSING.snapshot, facts: {} } };
  assert.not.ok((await acting(unknown)).some((command) => command.includes('telegraf')));
  const grown = [processRow(301, 'telegraf', { rss: 12 * GIB, age_s: 6 * DAY })];
  assert.ok((await acting({ ...MISSING, snapshot: { ...MISSING.snapshot, top_mem: grown } })).length > 0);
});

test('a change is of a thing whose name it speaks, whole before in part, and no common word', () => {
  const changed = (what: readonly string[], ...names: readonly string[]) => {
    const changes = what.map((one, i) => ({ ts: NOW - (i + 1) * 60_000, what: said(one) }));
    const evidence = evidenceOf({ signal: 'host.cpu', metric: 'cpu.percent', snapshot: { changes } });
    return changeOf(evidence, evidence.items, names).words;
  };
  assert.match(changed(['/etc/plan/solver.yaml depth 3 -> 14'], 'route_solver.py'), /solver\.yaml/);
  assert.match(changed(['solver room painted', 'package route_solver 1 -> 2'], 'route_solver.py'), /route_solver/);
  assert.is(changed(['server room: new switch'], 'lims-server.jar'), '');
  assert.is(changed(['broadcast list edited'], 'cast'), '');
  assert.ok(speaksOf('/usr/bin/histd replaced', 'histd') && !speaksOf('abchistd', 'histd'));
});

test('programs are called as people call them', () => {
  const java = (command: string) => programOf(processRow(1, 'java', { cmd: said(command) }));
  assert.is(java('/opt/jdk/bin/java -Xms2g -cp /opt/x/lib/jruby.jar:/opt/y org.example.Pipeline'), 'Pipeline');
  assert.is(java('java -Xmx1g -jar /srv/shop.jar --port 8'), 'shop.jar');
  assert.is(programOf(processRow(1, 'python3', { cmd: said('python3 -u /opt/a/poll.py') })), 'poll.py');
  assert.is(unitRunning(processRow(1, 'incrond'), ['cron.service', 'incron.service']), 'incron.service');
  assert.is(unitRunning(processRow(1, 'thing'), ['cron.service', 'thing.timer']), undefined);
});

test.run();
