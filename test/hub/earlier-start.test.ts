import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { secretHash } from '../../broker/enroll.ts';
import { sealPreface } from '../../broker/frame-payload.ts';
import { acceptApproval } from '../../hub/steps/approve.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { FrameWriter } from '../broker/frame-writer.ts';
import * as samples from '../broker/samples.ts';
import { until } from '../broker/site.ts';
import { type Context, say, sealed, web, withAgents } from './said-by-agents.ts';
import { approvalFor, proposeTo } from './small-hub.ts';

const test = suite<Context>('telemetry of an earlier start');
withAgents(test);

const [EARLIER, PRESENT] = ['1'.repeat(16), '2'.repeat(16)];
const { schema, metrics } = samples.birth;

test('it comes late, makes no order anew, and does not say in which start its agent is', async (context) => {
  const { hub, driver } = context.small;
  assert.ok(await say(context, web, 'b', sealed('birth', { ...samples.birth, agent: 'web-1', boot: PRESENT }, web)));
  const { id } = await proposeTo(hub);
  const present = () => getIncident(hub.store, id);
  const proposed = present();
  assert.ok(proposed);
  await driver.change(id, () => acceptApproval(hub, proposed, approvalFor(hub, proposed)));
  await until('the order', () => present()?.orders.length === 1);

  const secret = secretHash(web.secret);
  const sends = async (boot: string) => {
    const [frame] = new FrameWriter({ boot, secretHash: secret }).add({ schema, ts: 1, values: [1, 2] }, metrics);
    assert.ok(frame);
    for (const payload of [sealPreface({ boot, schema, metrics }, secret), frame])
      assert.ok(await say(context, web, 'm', payload));
    // Whatever wakes the incident: twice, so that it has been where it goes.
    for (let i = 0; i < 2; i++) await driver.change(id, async () => {});
    return hub.store.presence.get('web-1');
  };
  const late = await sends(EARLIER);
  assert.equal([late?.boot, late?.link?.through], [PRESENT, 0]);
  assert.is(present()?.orders.length, 1);
  const now = await sends(PRESENT);
  assert.equal([now?.boot, now?.link?.through], [PRESENT, 1]);
  assert.is(present()?.orders.length, 1);
});

test.run();
