import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../../broker/messages.ts';
import { verifyAudit } from '../../../hub/chain/audit.ts';
import { parseMatcher } from '../../../hub/correlate/matcher.ts';
import { hasOpenMember, membersOf, trackOf } from '../../../hub/correlate/memory.ts';
import { type CorrelationRules, DEFAULT_RULES } from '../../../hub/correlate/rules.ts';
import { type Service, ServiceMap } from '../../../hub/correlate/service-map.ts';
import { addSilence, allSilences, removeSilence } from '../../../hub/correlate/silences.ts';
import type { Incident } from '../../../hub/incident.ts';
import { SilentAgents } from '../../../hub/mesh/silent-agents.ts';
import { acknowledge, cancel } from '../../../hub/steps/acts.ts';
import { getIncident, listIncidents, unfinished } from '../../../hub/store/incidents.ts';
import * as samples from '../../broker/samples.ts';
import { until } from '../../broker/site.ts';
import { openSmallHub, type SmallHub } from '../small-hub.ts';

/** A hub whose clock the test moves, with what reaches it said directly: what the broker adds is tested elsewhere. */
class Bench {
  readonly small: SmallHub;
  clock = 1_700_000_000_000;
  private constructor(small: SmallHub) {
    this.small = small;
  }

  static async open(rules: Partial<CorrelationRules> = {}, services: readonly Service[] = []): Promise<Bench> {
    const correlation = { rules: { ...DEFAULT_RULES, ...rules }, services: new ServiceMap(services) };
    let bench: Bench | null = null;
    const small = await openSmallHub([], { correlation, now: () => bench?.clock ?? 1_700_000_000_000 });
    bench = new Bench(small);
    return bench;
  }

  event(host: string, signal: string, change: Partial<Event> = {}): Event {
    const { snapshot: _, metric: __, limit: ___, ...plain } = samples.event;
    return { ...plain, agent: host, signal, fingerprint: `${signal}:x`, ts: this.clock, kind: 'anomaly', ...change };
  }

  async say(host: string, signal: string, change: Partial<Event> = {}): Promise<void> {
    this.clock += 1;
    await this.small.intake.take(this.event(host, signal, change));
    await this.settled();
  }

  /** Waits until every open incident waits: without playbooks that is for a person, a source or a clock. */
  async settled(): Promise<void> {
    const waits = ({ id, state, recovered, flapping }: Incident) =>
      state === 'escalated' && (recovered === undefined || flapping === true || hasOpenMember(this.store, id));
    await until('every incident waits', () => this.live().every(waits));
  }

  get store() {
    return this.small.hub.store;
  }

  all(): Incident[] {
    return listIncidents(this.store, 10_000).flatMap(({ id }) => getIncident(this.store, id) ?? []);
  }

  /** The incidents that are not closed. */
  live(): Incident[] {
    return unfinished(this.store).flatMap((id) => getIncident(this.store, id) ?? []);
  }

  only(): Incident {
    const [one, ...others] = this.live();
    assert.ok(
      one !== undefined && others.length === 0,
      `${others.length + 1} incidents: ${this.live().map((i) => i.title)}`,
    );
    return one;
  }

  isWhole(): void {
    const found = verifyAudit(this.store, [this.small.hub.key.public]);
    assert.ok(found.ok, JSON.stringify(found));
    const indexed = [...this.store.signals.getRange({})].map(({ key }) => key[2]).sort();
    assert.equal(indexed, unfinished(this.store).sort(), 'the index by signal agrees with the records');
  }
}

const suites = suite('correlate');
let bench: Bench;
const test = (
  name: string,
  run: () => Promise<void>,
  rules: Partial<CorrelationRules> = {},
  services: Service[] = [],
) =>
  suites(name, async () => {
    bench = await Bench.open(rules, services);
    try {
      await run();
      bench.isWhole();
    } finally {
      await bench.small.close();
    }
  });

test('the same trouble again is a repeat, another one is another incident', async () => {
  await bench.say('web-1', 'disk.space');
  await bench.say('web-1', 'disk.space');
  await bench.say('web-1', 'disk.space', { fingerprint: 'disk.space:/srv' });
  assert.equal(
    bench
      .live()
      .map(({ repeats }) => repeats)
      .sort(),
    [0, 1],
  );
});

test('load and cpu of one host are one trouble, and it closes when both are over', async () => {
  await bench.say('web-1', 'host.cpu');
  await bench.say('web-1', 'host.load', { severity: 'critical' });
  await bench.say('web-1', 'host.load');
  const { id, severity } = bench.only();
  assert.is(severity, 'critical', 'as severe as the worst that it covers');
  assert.equal(
    membersOf(bench.store, id).map(({ signal, why, repeats }) => [signal, why, repeats]),
    [['host.load', 'family', 1]],
  );
  await bench.say('web-1', 'host.cpu', { kind: 'recovery' });
  assert.is(bench.only().id, id, 'the load is still high');
  await bench.say('web-1', 'host.load', { kind: 'recovery' });
  assert.is(bench.live().length, 0);
  assert.is(getIncident(bench.store, id)?.reason, 'recovered');
  assert.is(trackOf(bench.store, 'web-1', 'host.load:x').joined, null);
});

test('what recovers and comes back is the same incident while it is open', async () => {
  await bench.say('web-1', 'host.cpu');
  await bench.say('web-1', 'host.load');
  await bench.say('web-1', 'host.cpu', { kind: 'recovery' });
  await bench.say('web-1', 'host.cpu');
  await bench.say('web-1', 'host.load', { kind: 'recovery' });
  assert.is(bench.only().recovered, undefined);
});

test('the same signal from many hosts at once is one incident, whoever was first', async () => {
  for (let i = 1; i <= 40; i++) await bench.say(`web-${i}`, 'net.errors');
  const { id, host } = bench.only();
  assert.is(host, 'web-1');
  assert.is(membersOf(bench.store, id).length, 39);
  const grouped = bench.all().filter(({ state }) => state === 'suppressed');
  assert.equal([...new Set(grouped.map(({ reason }) => reason))], ['grouped']);
  for (let i = 1; i <= 39; i++) await bench.say(`web-${i}`, 'net.errors', { kind: 'recovery' });
  assert.is(bench.only().id, id);
  await bench.say('web-40', 'net.errors', { kind: 'recovery' });
  assert.is(bench.live().length, 0);
});

test('the same signal hours apart is not one trouble', async () => {
  for (let i = 1; i <= 8; i++) {
    await bench.say(`web-${i}`, 'disk.space');
    bench.clock += 3_600_000;
  }
  assert.is(bench.live().length, 8);
});

const plant: Service[] = [
  { name: 'shop', hosts: ['web-1', 'web-2'], depends_on: ['db'] },
  { name: 'db', hosts: ['db-1'], depends_on: ['switch'] },
  { name: 'switch', hosts: ['sw-1'], depends_on: [] },
];
test(
  'what breaks because a needed host is in trouble is part of that trouble, in either order',
  async () => {
    await bench.say('web-1', 'log.errors');
    await bench.say('sw-1', 'net.errors');
    await bench.say('web-2', 'log.errors');
    await bench.say('db-1', 'unit.failed');
    const { id, host } = bench.only();
    assert.is(host, 'sw-1');
    assert.is(membersOf(bench.store, id).length, 3);
    await bench.say('web-1', 'disk.space');
    assert.is(bench.live().length, 2, 'a full disk does not come from a switch');
  },
  {},
  plant,
);

test(
  'an inhibition joins what a rule names, on the same host alone',
  async () => {
    await bench.say('web-1', 'host.silent');
    await bench.say('web-1', 'probe.http');
    await bench.say('web-2', 'probe.http');
    const titles = bench.live().map(({ host, event }) => `${host} ${event.signal}`);
    assert.equal(titles.sort(), ['web-1 host.silent', 'web-2 probe.http']);
  },
  {
    inhibit: [{ source: parseMatcher('signal=host.silent'), target: parseMatcher('signal=probe.*'), equal: ['host'] }],
  },
);

test(
  'what another system tells of a host, or what harms nothing there yet, hides no trouble of those that need it',
  async () => {
    await bench.say('sw-1', 'alert.PortErrors');
    await bench.say('sw-1', 'disk.growth', { severity: 'info' });
    await bench.say('web-1', 'unit.failed');
    assert.is(bench.live().length, 3);
    await bench.say('sw-1', 'alert.PortErrors', { fingerprint: 'alert:2' });
    await bench.say('sw-1', 'net.flap', { severity: 'critical' });
    assert.is(bench.live().length, 4, 'the switch’s own trouble covers the unit’s');
    assert.is(
      membersOf(bench.store, bench.live().find(({ event }) => event.signal === 'net.flap')?.id ?? '').length,
      1,
    );
  },
  {},
  plant,
);

test(
  'an incident opens at the third event in time, and not at the third in all',
  async () => {
    await bench.say('web-1', 'net.flap');
    await bench.say('web-1', 'net.flap');
    bench.clock += 700_000;
    await bench.say('web-1', 'net.flap');
    assert.is(bench.live().length, 0);
    await bench.say('web-1', 'net.flap');
    await bench.say('web-1', 'net.flap');
    assert.is(bench.only().event.signal, 'net.flap');
  },
  { open_after: [{ match: parseMatcher('signal=net.flap'), count: 3, within: 600_000 }] },
);

test('what comes and goes is one incident that closes only when it has been quiet', async () => {
  for (let i = 0; i < 3; i++) {
    await bench.say('web-1', 'net.errors');
    bench.clock += 60_000;
    await bench.say('web-1', 'net.errors', { kind: 'recovery' });
    bench.clock += 60_000;
  }
  const flapping = bench.only();
  assert.ok(flapping.flapping);
  assert.match(flapping.title, /comes and goes/);
  await bench.say('web-1', 'net.errors');
  await bench.say('web-1', 'net.errors', { kind: 'recovery' });
  bench.clock += DEFAULT_RULES.flapping.quiet - 1;
  bench.small.driver.wake(flapping.id);
  await bench.settled();
  assert.is(bench.only().id, flapping.id);
  bench.clock += 1;
  bench.small.driver.wake(flapping.id);
  await until('it closes', () => bench.live().length === 0);
  assert.is(bench.all().length, 3);
});

test('a silence suppresses what matches, counts repeats, ends, and leaves a record of who', async () => {
  const { hub } = bench.small;
  const until = bench.clock + 3_600_000;
  await addSilence(hub, 'ann', { match: 'host=web-* signal=disk.*', from: 0, until, note: 'new disks' });
  await bench.say('web-1', 'disk.space');
  await bench.say('web-1', 'disk.space');
  await bench.say('db-1', 'disk.space');
  assert.is(bench.only().host, 'db-1');
  const [muted] = bench.all().filter(({ state }) => state === 'suppressed');
  assert.is(muted?.reason, 'silenced');
  assert.match(muted?.timeline.at(-1)?.note ?? '', /ann: new disks/);
  assert.is(trackOf(bench.store, 'web-1', 'disk.space:x').muted?.repeats, 1);
  bench.clock = until;
  await bench.say('web-1', 'disk.space');
  assert.is(bench.live().length, 2, 'after its end the trouble that goes on is an incident');
});

test('a silence can be ended, and can’t last for ever or begin in the past', async () => {
  const { hub } = bench.small;
  const day = 86_400_000;
  const refuses = async (change: object, about: RegExp) => {
    try {
      await addSilence(hub, 'ann', { match: 'host=a', from: 0, until: bench.clock + day, note: '', ...change });
      assert.unreachable(String(about));
    } catch (error) {
      assert.match(String(error), about);
    }
  };
  await refuses({ until: bench.clock }, /after it begins/);
  await refuses({ until: bench.clock + 40 * day }, /31 days/);
  await refuses({ match: 'everything' }, /no term/);
  await addSilence(hub, 'ann', { match: 'host=a', from: 0, until: bench.clock + day, note: '' });
  const [silence] = allSilences(bench.store);
  await removeSilence(hub, 'ann', silence?.id ?? '');
  await bench.say('a', 'disk.space');
  assert.is(bench.live().length, 1);
});

test('who acknowledges owns it until it closes; what was not begun can be called off', async () => {
  const { hub } = bench.small;
  await bench.say('web-1', 'disk.space');
  await acknowledge(hub, bench.only(), 'ann');
  assert.is(bench.only().owner, 'ann');
  await bench.say('web-1', 'disk.space');
  assert.is(bench.only().acknowledged?.by, 'ann');
  const { id, state } = bench.only();
  assert.is(state, 'escalated');
  try {
    await cancel(hub, bench.only(), 'ann', '');
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /called back/);
  }
  await bench.say('web-1', 'disk.space', { kind: 'recovery' });
  assert.is(getIncident(bench.store, id)?.state, 'resolved');
});

test('forty agents that fall silent behind one switch are one incident, and none when they said goodbye', async () => {
  const { hub, intake } = bench.small;
  const silent = new SilentAgents(
    hub,
    (event) => intake.take(event),
    () => bench.clock,
  );
  const presence = (state: 'online' | 'dead' | 'stopped') => ({ state, boot: samples.BOOT, last_seen: bench.clock });
  for (let i = 1; i <= 40; i++) await hub.store.presence.put(`line-${i}`, presence('dead'));
  await hub.store.presence.put('sw-1', presence('dead'));
  await hub.store.presence.put('laptop', presence('stopped'));
  await silent.look();
  assert.is(bench.live().length, 0, 'a reboot is no trouble yet');
  bench.clock += 120_000;
  await silent.look();
  await silent.look();
  await bench.settled();
  const { id, event } = bench.only();
  assert.is(event.signal, 'host.silent');
  assert.is(membersOf(bench.store, id).length, 40);
  for (const { key } of [...hub.store.presence.getRange({})]) await hub.store.presence.put(key, presence('online'));
  await silent.look();
  await bench.settled();
  assert.is(bench.live().length, 0);
});

test('a clock that is set makes nobody silent, and hides nobody who is', async () => {
  const { hub, intake } = bench.small;
  let steady = 0;
  const silent = new SilentAgents(
    hub,
    (event) => intake.take(event),
    () => steady,
  );
  const pass = (ms: number) => {
    steady += ms;
    bench.clock += ms;
  };
  await hub.store.presence.put('web-1', { state: 'online', boot: samples.BOOT, last_seen: bench.clock });
  await silent.look();
  bench.clock += 2 * 3_600_000;
  pass(10_000);
  await silent.look();
  await bench.settled();
  assert.is(bench.live().length, 0, 'the clock went, and no time');
  pass(290_000);
  await silent.look();
  assert.is(bench.live().length, 0);
  // Heard by the clock that is ahead, and then no more.
  await hub.store.presence.put('web-1', { state: 'online', boot: samples.BOOT, last_seen: bench.clock });
  bench.clock -= 2 * 3_600_000;
  pass(10_000);
  await silent.look();
  pass(300_000);
  await silent.look();
  await bench.settled();
  assert.is(bench.only().event.signal, 'host.silent');
});

test('a storm from 500 hosts, most of it with one cause, becomes a handful of incidents, and every event is counted', async () => {
  const { intake } = bench.small;
  const hosts = Array.from({ length: 500 }, (_, i) => `line-${i}`);
  const storm = hosts.map(async (host, i) => {
    for (let n = 0; n < 3; n++) await intake.take(bench.event(host, 'net.errors'));
    if (i % 200 === 7) await intake.take(bench.event(host, 'disk.space'));
  });
  await Promise.all(storm);
  await bench.settled();
  const live = bench.live();
  assert.is(live.filter(({ event }) => event.signal === 'net.errors').length, 1);
  assert.is(live.length, 4, 'and three disks that have nothing to do with it');
  const own = bench.all().reduce((sum, { repeats }) => sum + 1 + repeats, 0);
  const grouped = new Set(
    bench
      .all()
      .filter(({ reason }) => reason === 'grouped')
      .map(({ host }) => host),
  );
  const members = live.flatMap(({ id }) => membersOf(bench.store, id));
  const covered = members.reduce((sum, { host, repeats }) => sum + repeats + (grouped.has(host) ? 0 : 1), 0);
  assert.is(own + covered, 500 * 3 + 3);
});

suites.run();
