import { connect } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { bytesAsBase64 } from '../../broker/json.ts';
import type { Event, Result, Snapshot } from '../../broker/messages.ts';
import { seal } from '../../broker/signed.ts';
import { readAudit } from '../../hub/chain/audit.ts';
import { redactEvent } from '../../hub/mesh/redact.ts';
import { getIncident, listIncidents } from '../../hub/store/incidents.ts';
import * as samples from '../broker/samples.ts';
import { isTaken, testAgent, until } from '../broker/site.ts';
import { openSmallHub } from './small-hub.ts';

const SECRET = 'Marble1204Quarry';
const said = { text: `connect failed, password=${SECRET}`, trusted: false };
const [top] = samples.snapshot.top_cpu;
if (top === undefined) throw new Error('the sample has no process');
const process = { ...top, cmd: { text: `mysql -uroot -p${SECRET} mes`, trusted: false } };
const snapshot: Snapshot = {
  ...samples.snapshot,
  top_cpu: [process],
  top_mem: [process],
  top_fds: [process],
  unit_lines: [said],
  log_templates: [{ template: said, count: 2 }],
  changes: [{ ts: 1, what: said }],
  facts: { said },
};

const test = suite('redaction at the intake');

test('every text of an event is redacted again, whatever its agent did, and its marks of trust stay', () => {
  const event: Event = { ...samples.event, reason: `restarted with token=${SECRET}`, snapshot };
  const kept = redactEvent(event);
  assert.not.match(JSON.stringify(kept), new RegExp(SECRET));
  assert.is(JSON.stringify(kept).split('[redacted]').length - 1, 8);
  assert.is(kept.snapshot?.facts['said']?.trusted, false);
  assert.equal({ ...kept, reason: '', snapshot: null }, { ...event, reason: '', snapshot: null });
});

test('a hub keeps no secret of an agent that hides none: not in the store, not in the audit chain', async () => {
  const web = testAgent('web-1');
  const small = await openSmallHub([web]);
  const client = connect(`mqtt://127.0.0.1:${small.port}`, {
    clientId: web.name,
    username: web.name,
    password: web.secret,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  try {
    const { hub } = small;
    const event: Event = { ...samples.event, seq: 1, reason: `token=${SECRET}`, snapshot };
    assert.ok(await isTaken(client, 's/1/web-1/e', seal('event', encodeCbor(event), web.key)));
    const [opened] = listIncidents(hub.store, 1);
    assert.ok(opened);
    // Only what waits for a person is not changed by the pipeline meanwhile.
    await until('it waits', () => getIncident(hub.store, opened.id)?.state === 'escalated');
    const incident = getIncident(hub.store, opened.id);
    assert.ok(incident);
    const order = { id: samples.order.id, purpose: 'apply' as const, boot: samples.BOOT };
    const sent = { ...order, bytes: new Uint8Array(), sent: hub.now(), dry_run: false };
    await hub.store.write(() => void hub.store.incidents.put(incident.id, { ...incident, orders: [sent] }));
    const result: Result = {
      ...samples.result,
      seq: 2,
      incident: incident.id,
      order: sent.id,
      stdout: `line one\n-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\nlast line`,
      stderr: `Authorization: Bearer ${SECRET}${SECRET}`,
    };
    assert.ok(await isTaken(client, 's/1/web-1/r', seal('result', encodeCbor(result), web.key)));
    const kept = getIncident(hub.store, incident.id);
    assert.is(kept?.results.length, 1);
    assert.match(kept?.results[0]?.stdout ?? '', /^line one\n.*\n\[redacted\]\n.*\nlast line$/);
    const chain = [...hub.store.audit.getRange({})].map(({ value }) => readAudit(value));
    for (const text of [kept, chain]) assert.not.match(JSON.stringify(text, bytesAsBase64), new RegExp(SECRET));
  } finally {
    client.end(true);
    await small.close();
  }
});

test.run();
