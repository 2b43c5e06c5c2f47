import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesAsBase64 } from '../../../broker/json.ts';
import { mayRunAlone } from '../../../hub/automation/may-run-alone.ts';
import { readAudit } from '../../../hub/chain/audit.ts';
import type { HttpDoor } from '../../../hub/http/door.ts';
import type { Incident } from '../../../hub/incident.ts';
import { isFromOutside } from '../../../hub/outside.ts';
import { acceptApproval, reject } from '../../../hub/steps/approve.ts';
import { verify } from '../../../hub/steps/verify.ts';
import { getIncident, listIncidents } from '../../../hub/store/incidents.ts';
import { ALERT_LIMITS, readAlerts } from '../../../hub/webhooks/alert.ts';
import { forgetAlerts } from '../../../hub/webhooks/alerts-known.ts';
import { DEFAULT_HOSTS } from '../../../hub/webhooks/hosts.ts';
import { AlertIntake } from '../../../hub/webhooks/intake.ts';
import { openWebhooks, WEBHOOK_LIMITS } from '../../../hub/webhooks/open-webhooks.ts';
import { testAgent, until } from '../../broker/site.ts';
import { approvalFor, openSmallHub, proposeTo, type SmallHub } from '../small-hub.ts';
import { fromAlertmanager, fromGrafana } from './payloads.ts';

const TOKEN = 'correct-horse-battery-staple-0123456789';
const SECRET = 'Marble1204Quarry';

interface Context {
  small: SmallHub;
  alerts: AlertIntake;
  door: HttpDoor;
}

const test = suite<Context>('webhooks');
test.before.each(async (context) => {
  const small = await openSmallHub([testAgent('web-1')]);
  context.small = small;
  context.alerts = new AlertIntake({
    store: small.hub.store,
    hosts: DEFAULT_HOSTS,
    isAgent: (id) => small.hub.site.agents.has(id),
    take: (event, handled) => small.intake.take(event, handled),
    now: Date.now,
  });
  context.door = await openWebhooks({
    door: { host: '127.0.0.1', port: 0, token: new Uint8Array(createHash('sha256').update(TOKEN).digest()) },
    intake: context.alerts,
    tls: null,
    log: small.hub.log,
  });
});
test.after.each(async ({ small, door }) => {
  await door.close();
  await small.close();
});

async function post({ door }: Context, body: string, path = '/webhook/alertmanager', token = TOKEN) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`http://127.0.0.1:${door.port}${path}`, { method: 'POST', body, headers });
  return { status: response.status, text: await response.text() };
}

const counts = (taken: number, known = 0, broken = 0, cut = 0) => JSON.stringify({ taken, known, broken, cut });

/** Every incident, newest first, whole. */
const all = ({ small }: Context): Incident[] =>
  listIncidents(small.hub.store, 1_000).flatMap(({ id }) => getIncident(small.hub.store, id) ?? []);

async function only(context: Context, state: Incident['state']): Promise<Incident> {
  await until(state, () => all(context)[0]?.state === state);
  const [incident, ...others] = all(context);
  assert.is(others.length, 0);
  if (incident === undefined) throw new Error('none');
  return incident;
}

test('an alert of Alertmanager is an incident of the agent that it names; its repeats count; its end resolves it', async (context) => {
  assert.equal(await post(context, fromAlertmanager({})), { status: 200, text: counts(1) });
  const incident = await only(context, 'escalated');
  assert.is(incident.host, 'web-1');
  assert.is(incident.title, 'alert: NodeDiskFull');
  assert.is(incident.event.signal, 'alert.NodeDiskFull');
  assert.is(incident.severity, 'critical');
  assert.is(incident.event.reason, 'Disk /var of web-1 is at 97 %');
  assert.is(incident.event.snapshot?.facts['label.job']?.text, 'node');
  assert.is(incident.event.snapshot?.facts['label.job']?.trusted, false);
  await post(context, fromAlertmanager({}));
  assert.is((await only(context, 'escalated')).repeats, 1);
  assert.equal((await post(context, fromAlertmanager({ status: 'resolved' }))).text, counts(1));
  assert.is((await only(context, 'resolved')).reason, 'recovered');
  assert.equal((await post(context, fromAlertmanager({ status: 'resolved' }))).text, counts(0, 1));
});

test('an alert and its end, in two requests at once, are taken in their order', async (context) => {
  const { alerts } = context;
  const came = [fromAlertmanager({}), fromAlertmanager({ status: 'resolved' })].map((body) =>
    alerts.receive('alertmanager', readAlerts('alertmanager', body)),
  );
  assert.equal(
    (await Promise.all(came)).map(({ taken }) => taken),
    [1, 1],
  );
  assert.is((await only(context, 'resolved')).reason, 'recovered');
});

test('Grafana’s is the same, with what its expressions came to', async (context) => {
  assert.equal(await post(context, fromGrafana({}), '/webhook/grafana'), { status: 200, text: counts(1) });
  const incident = await only(context, 'escalated');
  assert.is(incident.event.snapshot?.facts['value.B']?.text, '97.25');
  assert.is(incident.event.snapshot?.facts['started']?.text, '2026-11-26T05:14:05.817Z');
  assert.is(incident.event.fingerprint, 'alert:grafana:c4f1d0a2b3e45a67');
});

test('a host that no agent is on is a person’s: no plan, no approval, no order', async (context) => {
  await post(context, fromAlertmanager({ labels: { instance: 'plc-gw.plant.lan:9100' } }));
  const incident = await only(context, 'escalated');
  assert.is(incident.host, 'outside:plc-gw.plant.lan');
  assert.is(incident.reason, 'no_agent');
  assert.is(incident.owner, 'ann');
  assert.is(incident.plan, null);

  const { hub, driver } = context.small;
  const forged = await proposeTo(hub, {}, { host: incident.host });
  let refused: unknown;
  await acceptApproval(hub, forged, approvalFor(hub, forged)).catch((error: unknown) => {
    refused = error;
  });
  assert.is((refused as { readonly code?: string } | undefined)?.code, 'E_MESSAGE_SHAPE');
  const approval = { id: forged.id, by: 'ann', ...approvalFor(hub, forged), not_after: hub.now() + 200, reviewed: [] };
  const approved = await proposeTo(hub, {}, { host: incident.host, state: 'approved', approval });
  driver.wake(approved.id);
  await until('it lapses', () => getIncident(hub.store, approved.id)?.state === 'expired');
  assert.equal(getIncident(hub.store, approved.id)?.orders, []);
});

test('whoever has closed it is not asked again for the same firing, and is for the next', async (context) => {
  const { hub, driver } = context.small;
  await post(context, fromAlertmanager({}));
  const { id } = await only(context, 'escalated');
  const incident = await proposeTo(hub, {}, { ...(getIncident(hub.store, id) as Incident), state: 'proposed' });
  await driver.change(id, () => reject(hub, incident, 'ann', 'known'));
  assert.is(getIncident(hub.store, id)?.state, 'rejected');
  assert.equal((await post(context, fromAlertmanager({}))).text, counts(0, 1));
  assert.is(all(context).length, 1);
  const next = { startsAt: '2026-11-26T07:00:00Z' };
  assert.equal((await post(context, fromAlertmanager(next))).text, counts(1));
  assert.is(all(context).length, 2);
  const late = { status: 'resolved' } as const;
  assert.equal((await post(context, fromAlertmanager(late))).text, counts(0, 1), 'the end of the firing before');
  assert.equal((await post(context, fromAlertmanager({ ...late, ...next }))).text, counts(1));
  assert.equal((await post(context, fromAlertmanager(next))).text, counts(1), 'a source that was started anew');
});

test('what is remembered of alerts is forgotten after two weeks', async (context) => {
  const { store } = context.small.hub;
  await post(context, fromAlertmanager({}, { fingerprint: 'ab' }));
  assert.is(await forgetAlerts(store, Date.now(), 100), 0);
  assert.is(await forgetAlerts(store, Date.now() + 15 * 86_400_000, 1), 1);
  assert.is(await forgetAlerts(store, Date.now() + 15 * 86_400_000, 100), 1);
});

test('no secret of an alert is kept: not in the store, not in the audit chain', async (context) => {
  await post(
    context,
    fromAlertmanager({
      labels: { db_password: SECRET, alertname: `DbDown password=${SECRET}` },
      annotations: { summary: `login failed, password=${SECRET}`, description: `mysql -uroot -p${SECRET} mes` },
    }),
  );
  const incident = await only(context, 'escalated');
  assert.is(incident.event.snapshot?.facts['label.db_password']?.text, '[redacted]');
  const chain = [...context.small.hub.store.audit.getRange({})].map(({ value }) => readAudit(value));
  const kept = JSON.stringify([incident, ...chain], bytesAsBase64);
  assert.match(kept, /redacted/);
  assert.not.match(kept, new RegExp(SECRET));
});

test('what another system says never runs alone, and its own word says whether a fix helped', async ({ small }) => {
  const { hub } = small;
  const event = { ...(await proposeTo(hub)).event, signal: 'alert.NodeDiskFull' };
  assert.ok(isFromOutside(event));
  const now = hub.now();
  const order = { id: 'o', purpose: 'apply' as const, boot: '', bytes: new Uint8Array(), sent: now, dry_run: false };
  const result = { order: 'o', last: true, state: 'done' } as Incident['results'][number];
  const verifying = { state: 'verifying' as const, orders: [order], results: [result], watched: now - 60_000 };
  const incident = await proposeTo(hub, { confidence: 1, playbook: 'x', class: 'y' }, { event, ...verifying });
  const day = { id: incident.id, site: 'local', by: 'ann', made: now, not_after: now + 86_400_000, confidence: 0.9 };
  const rule = { ...day, classes: [], hosts: [], tags: [], windows: [], per_host_hour: 4 };
  if (incident.plan === null) throw new Error('no plan');
  const at = { rule, now, tags: [], halted: false, breaker: null };
  const decided = mayRunAlone(incident, incident.plan, at);
  assert.is(decided.alone ? '' : decided.code, 'outside');
  assert.is(mayRunAlone({ ...incident, event: { ...event, signal: 'disk.space' } }, incident.plan, at).alone, true);

  const waiting = await verify.run(incident, hub);
  assert.is(waiting.kind, 'wait', 'a minute after the window of the playbook');
  const over = await verify.run({ ...incident, recovered: now }, hub);
  assert.is(over.kind === 'move' ? over.incident.state : '', 'resolved');
  const late = await verify.run({ ...incident, watched: now - 3_600_000 }, hub);
  assert.is(late.kind === 'move' ? late.incident.state : '', 'rolled_back');
});

test('what is no alert is refused with a code, and costs the others nothing', async (context) => {
  const tries: [number, RegExp, string, string?, string?][] = [
    [401, /bearer token/, fromAlertmanager({}), '/webhook/alertmanager', `${TOKEN}x`],
    [404, /\/webhook\/alertmanager and \/webhook\/grafana/, fromAlertmanager({}), '/webhook/datadog'],
    [400, /^E_JSON/, '{"alerts":['],
    [400, /^E_JSON/, '['.repeat(200_000)],
    [400, /^E_WEBHOOK_SHAPE: alerts/, '{"version":"4"}'],
    [400, /^E_WEBHOOK_SHAPE: the body/, 'null'],
    [400, /max_alerts/, JSON.stringify({ alerts: Array(ALERT_LIMITS.alerts + 1).fill({}) })],
    [413, /^E_WEBHOOK_SIZE/, fromAlertmanager({ annotations: { summary: 'x'.repeat(ALERT_LIMITS.bodyBytes) } })],
  ];
  for (const [status, why, body, path, token] of tries) {
    const answer = await post(context, body, path, token);
    assert.is(answer.status, status, answer.text);
    assert.match(answer.text, why);
  }
  const got = await fetch(`http://127.0.0.1:${context.door.port}/webhook/grafana`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assert.is(got.status, 405);
  const good = JSON.parse(fromAlertmanager({})) as { alerts: unknown[]; truncatedAlerts: number };
  good.alerts.push(null, { status: 'firing' }, { ...(good.alerts[0] as object), startsAt: 'yesterday' });
  good.truncatedAlerts = 7;
  assert.equal(await post(context, JSON.stringify(good)), { status: 200, text: counts(1, 0, 3, 7) });
  assert.is(all(context).length, 1);
  assert.equal(context.alerts.counts.get('alertmanager'), { taken: 1, known: 0, broken: 3, cut: 7 });
  assert.is(context.door.refused, 1);
});

test('a sender that holds every place makes others try again, and no more', async (context) => {
  const head = `POST /webhook/grafana HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 9\r\n\r\n{`;
  const sockets = Array.from({ length: WEBHOOK_LIMITS.atOnce }, () => connect(context.door.port, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => {}).write(head);
  let answer = await post(context, fromAlertmanager({}));
  for (let n = 0; n < 1_000 && answer.status !== 503; n++) answer = await post(context, fromAlertmanager({}));
  assert.is(answer.status, 503);
  assert.match(answer.text, /^E_WEBHOOK_RATE/);
  for (const socket of sockets) socket.destroy();
  for (let n = 0; n < 1_000 && answer.status === 503; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer = await post(context, fromAlertmanager({}));
  }
  assert.is(answer.status, 200);
});

test.run();
