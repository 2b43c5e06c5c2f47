import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { putGaps } from '../../hub/mesh/gaps.ts';
import { putHeard } from '../../hub/mesh/heard.ts';
import { Store } from '../../hub/store/store.ts';
import type { HostRow } from '../../tui/desk.ts';
import { FleetIndex } from '../../tui/fleet-index.ts';
import { fleetListing, groupOf } from '../../tui/fleet-listing.ts';
import { HostPulses } from '../../tui/host-pulses.ts';
import { birth } from '../broker/samples.ts';
import { MemoryDesk } from './memory-desk.ts';
import { host, INCIDENT, NOW, STATE } from './recorded.ts';
import { renderAt } from './render-at.ts';

const test = suite<{ folder: string; hub: Store; screen: Store }>('the fleet');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-fleet-'));
  context.hub = new Store(context.folder, 'write');
  context.screen = new Store(context.folder, 'read');
});
test.after.each(async ({ folder, hub, screen }) => {
  await screen.close();
  await hub.close();
  rmSync(folder, { recursive: true });
});

const { boot } = birth;
const name = (n: number) => `host-${String(n).padStart(5, '0')}`;
const link = { late: 40, stored: 9, through: 7 };

/** Says a birth as the hub's intake stores it. */
function born(store: Store, agent: string, count: number, tags: readonly string[]): void {
  void store.births.put(agent, { ...birth, agent, count, host: { ...birth.host, tags: [...tags] } });
  void store.handled.put([agent, boot, 'b'], count);
  void store.presence.put(agent, { state: 'online', boot, last_seen: NOW, link });
}

test('all hosts of a store, a slice at a time; what one says anew is followed, and who is not heard is silent', async ({
  hub,
  screen,
}) => {
  await hub.write(() => {
    for (let n = 0; n < 330; n++) born(hub, name(n), 1, ['site=north']);
  });
  screen.refresh();
  const fleet = new FleetIndex(screen, NOW);
  assert.ok(fleet.rows.length < 330 && fleet.isPartial, 'not all at once');
  while (fleet.isPartial) fleet.more(NOW);
  assert.equal(
    fleet.rows.map(({ agent }) => agent),
    Array.from({ length: 330 }, (_, n) => name(n)),
  );
  const before = fleet.rows;
  fleet.refresh(NOW);
  assert.is(fleet.rows, before, 'nothing changed: the same array');

  await hub.write(() => {
    born(hub, name(3), 2, ['site=south']);
    born(hub, 'new-one', 1, []);
    void hub.presence.put(name(5), { state: 'dead', boot, last_seen: NOW });
  });
  screen.refresh();
  // Births are looked at in turn: twice around is enough.
  for (let i = 0; i < 4; i++) fleet.refresh(NOW);
  const row = (agent: string) => fleet.rows.find((one) => one.agent === agent);
  assert.equal(row(name(3))?.tags, ['site=south']);
  assert.ok(row('new-one'));
  assert.is(row(name(5))?.state, 'dead');
  fleet.refresh(NOW + 100_000);
  assert.is(row(name(4))?.state, 'silent');
  assert.is(row(name(5))?.state, 'dead');
});

test('a host that is there without a birth holds nothing up', async ({ hub, screen }) => {
  await hub.write(() => {
    born(hub, 'web-1', 1, []);
    void hub.presence.put('web-2', { state: 'online', boot, last_seen: NOW });
  });
  screen.refresh();
  const fleet = new FleetIndex(screen, NOW);
  assert.not.ok(fleet.isPartial);
  assert.equal(
    fleet.rows.map(({ agent }) => agent),
    ['web-1'],
  );
});

test('a line’s history grows by what is new, and its link is what the hub measured', async ({ hub, screen }) => {
  const sample = (at: number, cpu: number) => {
    const values = birth.metrics.map(({ name, scale }) => (name === 'cpu.percent' ? Math.round(cpu / scale) : null));
    void hub.samples.put(['web-1', at], [1, at, at, 0, ...values]);
  };
  await hub.write(() => {
    born(hub, 'web-1', 1, []);
    void hub.births.put('web-1', {
      ...birth,
      agent: 'web-1',
      count: 1,
      ring: { oldest: 2, newest: 6, dropped: 4 },
      frames: { oldest: 1, newest: 27, dropped: 5 },
    });
    void hub.columns.put(['web-1', 1], { boot, schema: birth.schema, metrics: birth.metrics });
    for (let i = 0; i < 130; i++) sample(NOW - 400_000 + 2_000 * i, i % 100);
    putHeard(hub, 'web-1', boot, [1, 3]);
    putGaps(hub, 'web-1', [
      { boot, from: 3, to: 5, at: NOW - 1_000 },
      { boot, from: 1, to: 9, at: NOW - 2 * 86_400_000 },
    ]);
  });
  screen.refresh();
  const fleet = new FleetIndex(screen, NOW);
  const pulses = new HostPulses(screen, fleet);
  const cpu = () => pulses.of('web-1', NOW)?.gauges.find(({ metric }) => metric === 'cpu.percent');
  assert.is(cpu()?.history.length, 120);
  assert.is(cpu()?.value, 29);
  assert.equal(pulses.of('web-1', NOW)?.link, {
    every: 2_000,
    late: 40,
    stored: 9,
    gaps: 1,
    missing: 3,
    backlog: 20,
    waiting: 3,
    dropped: 9,
  });
  assert.is(pulses.of('web-1', NOW), pulses.of('web-1', NOW), 'read once for a refresh');

  await hub.write(() => {
    sample(NOW, 77);
    void hub.presence.put('web-1', { state: 'online', boot, last_seen: NOW, link: { ...link, through: 30 } });
  });
  screen.refresh();
  pulses.refresh();
  assert.is(cpu()?.value, 77);
  assert.equal(cpu()?.history.slice(-3), [28, 29, 77]);
  assert.is(cpu()?.history.length, 120);
  assert.is(pulses.of('web-1', NOW)?.link.backlog, 0);
  assert.is(pulses.of('nobody', NOW), undefined);
});

test('hosts stand under their site and group; trouble first when that is asked for', () => {
  assert.is(groupOf({ tags: ['role=historian', 'site=north'] }), 'north › historian');
  assert.is(groupOf({ tags: ['site=north'] }), 'north');
  assert.is(groupOf({ tags: ['linux', 'x'] }), 'linux');
  assert.is(groupOf({ tags: [] }), 'no tags');
  const hosts = [
    host('b', { tags: ['site=n'] }),
    host('a'),
    host('c', { tags: ['site=m'] }),
    host('d', { state: 'dead' }),
  ];
  const incidents = [{ ...STATE.incidents[0], host: 'a', severity: 'critical', state: 'open' } as const];
  const asked = { hosts, incidents: incidents as unknown as typeof STATE.incidents, filter: '' };
  const names = (order: 'group' | 'trouble', filter = '') =>
    fleetListing({ ...asked, order, filter }).groups.map(({ title, rows }) => [title, ...rows.map((one) => one.agent)]);
  assert.equal(names('group'), [
    ['m', 'c'],
    ['n', 'b'],
    ['no tags', 'a', 'd'],
  ]);
  assert.equal(names('trouble'), [
    ['critical', 'a'],
    ['not heard', 'd'],
    ['well', 'b', 'c'],
  ]);
  assert.equal(names('group', 'site=n'), [['n', 'b']]);
  assert.equal(names('group', '!site dead'), [['', 'd']]);
});

test('10,000 hosts: only the lines on the screen are read, from the first to the last, filtered and by trouble', async () => {
  const hosts: HostRow[] = Array.from({ length: 10_000 }, (_, n) =>
    host(name(n), { tags: [`site=s${n % 7}`, 'role=edge'], state: n % 100 === 7 ? 'dead' : 'online' }),
  );
  const desk = new MemoryDesk({ ...STATE, hosts }, [INCIDENT]);
  const asked = new Set<string>();
  const pulse = desk.pulse.bind(desk);
  desk.pulse = (agent) => {
    asked.add(agent);
    return pulse(agent);
  };
  const seen = renderAt(120, 40, desk);
  try {
    seen.press('2');
    assert.match(await seen.text(), /s0 › edge +1,429 hosts/);
    assert.ok(asked.size < 40, `${asked.size} hosts were read for one picture`);
    seen.press('G');
    assert.match(await seen.text(), /▌. host-09995/);
    seen.press('g', '/', ...'09993', 'enter');
    assert.match(await seen.text(), /host-09993/);
    seen.press('escape', 't', 'g');
    const text = await seen.text();
    assert.match(text, /not heard +100 hosts/);
    assert.match(text, /▌○ host-00007/);
    assert.ok(asked.size < 200, `${asked.size} hosts were read for all of it`);
  } finally {
    seen.close();
  }
});

test.run();
